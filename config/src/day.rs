//! A day as operators write it.

/// A day: a date, or a word that stands for one. Which day it is now, whoever is asked knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DayWord {
    /// None was given: the last closed day.
    #[default]
    LastClosed,
    /// `today`
    Today,
    /// `yesterday`
    Yesterday,
    /// A date that exists, as `YYYY-MM-DD`.
    Date(String),
}

impl DayWord {
    /// Reads `YYYY-MM-DD`, `today` or `yesterday`; or says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<DayWord, String> {
        match text {
            "today" => Ok(DayWord::Today),
            "yesterday" => Ok(DayWord::Yesterday),
            date => self::date(date).map(|()| DayWord::Date(date.to_owned())),
        }
    }
}

/// What is wrong with a date.
pub(crate) fn date(day: &str) -> Result<(), String> {
    if day.is_empty() {
        return Err("required, but not given".to_owned());
    }
    match jiff::civil::Date::strptime("%Y-%m-%d", day) {
        // strptime is lenient about zeros and signs.
        Ok(date) if date.to_string() == day => Ok(()),
        _ => Err(format!("`{day}` is not a date")),
    }
}
