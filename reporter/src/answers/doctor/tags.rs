//! Lists of tags, as DKIM and DMARC records are (RFC 6376 section 3.2).

/// The tags of a record: names as they are, values without white space around them. The first of a name counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tags(Vec<(String, String)>);

impl Tags {
    /// `None` for what is no such list.
    pub(super) fn parse(text: &str) -> Option<Tags> {
        let tag = |part: &str| {
            let (name, value) = part.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        };
        let parts = text.split(';').map(str::trim);
        let parts = parts.filter(|part| !part.is_empty());
        parts.map(tag).collect::<Option<_>>().map(Tags)
    }

    /// A tag's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The words of a tag whose value is a list with colons.
    pub(super) fn words(&self, name: &str) -> Option<Vec<&str>> {
        Some(self.get(name)?.split(':').map(str::trim).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_tags() {
        let tags = Tags::parse(" v=DKIM1 ; s = email : tlsrpt;p=AA==;").unwrap();
        assert_eq!(tags.get("v"), Some("DKIM1"));
        assert_eq!(
            tags.get("p"),
            Some("AA=="),
            "equals signs belong to the value"
        );
        assert_eq!(tags.words("s"), Some(vec!["email", "tlsrpt"]));
        assert_eq!(tags.get("V"), None, "names have a case");
        assert_eq!(Tags::parse("rubbish"), None);
        assert_eq!(Tags::parse("v=1; rubbish"), None);
    }
}
