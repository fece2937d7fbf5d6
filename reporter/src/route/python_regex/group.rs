//! Groups, and references to them.

use super::PatternError;
use super::pattern::{Flags, PatternPart, PatternReader};

impl PatternReader {
    /// The rest of a group. `None` for flags and comments, which match nothing.
    pub(super) fn group(
        &mut self,
        flags_may_come: bool,
    ) -> Result<Option<PatternPart>, PatternError> {
        if !self.take_if('?') {
            return self.capture(None).map(Some);
        }
        let c = self
            .next()
            .ok_or_else(|| PatternError::invalid("unexpected end of pattern"))?;
        Ok(Some(match c {
            ':' => self.enclosed("(?:")?,
            '>' => self.enclosed("(?>")?,
            '=' => self.look("(?=")?,
            '!' => self.look("(?!")?,
            '<' => self.behind()?,
            'P' => self.named()?,
            '(' => self.condition()?,
            '#' => return self.comment().map(|()| None),
            _ => return self.flags(c, flags_may_come),
        }))
    }

    fn capture(&mut self, name: Option<String>) -> Result<PatternPart, PatternError> {
        self.groups.push(None);
        let index = self.groups.len() - 1;
        if let Some(name) = name
            && let Some(earlier) = self.names.insert(name.clone(), index + 1)
        {
            return Err(PatternError::invalid(format!(
                "redefinition of group name '{name}', was group {earlier}"
            )));
        }
        let piece = self.enclosed("(")?;
        self.groups[index] = Some(piece.width);
        Ok(piece)
    }

    /// Branches and the closing parenthesis; flags set inside end with it.
    fn enclosed(&mut self, opening: &str) -> Result<PatternPart, PatternError> {
        let outside = self.flags;
        let inner = self.branches(false)?;
        self.close()?;
        self.flags = outside;
        Ok(PatternPart::item(
            format!("{opening}{})", inner.text),
            inner.width,
        ))
    }

    fn close(&mut self) -> Result<(), PatternError> {
        if self.take_if(')') {
            return Ok(());
        }
        Err(PatternError::invalid("missing ), unterminated subpattern"))
    }

    fn look(&mut self, opening: &str) -> Result<PatternPart, PatternError> {
        Ok(PatternPart {
            width: (0, 0),
            ..self.enclosed(opening)?
        })
    }

    /// `(?<=...)` and `(?<!...)`.
    fn behind(&mut self) -> Result<PatternPart, PatternError> {
        let opening = match self.next() {
            Some('=') => "(?<=",
            Some('!') => "(?<!",
            Some(c) => return Err(PatternError::invalid(format!("unknown extension ?<{c}"))),
            None => return Err(PatternError::invalid("unexpected end of pattern")),
        };
        let outside = self.look_behind;
        self.look_behind = outside.or(Some(self.groups.len()));
        let piece = self.enclosed(opening)?;
        self.look_behind = outside;
        if piece.width.0 != piece.width.1 {
            return Err(PatternError::invalid(
                "look-behind requires fixed-width pattern",
            ));
        }
        Ok(PatternPart {
            width: (0, 0),
            ..piece
        })
    }

    /// `(?P<name>...)` and `(?P=name)`.
    fn named(&mut self) -> Result<PatternPart, PatternError> {
        if self.take_if('<') {
            let name = self.name('>')?;
            return self.capture(Some(name));
        }
        if self.take_if('=') {
            let name = self.name(')')?;
            let number = self.number_of(&name)?;
            return self.reference(number);
        }
        Err(PatternError::invalid("unknown extension ?P"))
    }

    fn number_of(&self, name: &str) -> Result<usize, PatternError> {
        self.names
            .get(name)
            .copied()
            .ok_or_else(|| PatternError::invalid(format!("unknown group name '{name}'")))
    }

    fn name(&mut self, end: char) -> Result<String, PatternError> {
        let name = self.until(end)?;
        if is_identifier(&name) {
            return Ok(name);
        }
        Err(PatternError::invalid(format!(
            "bad character in group name '{name}'"
        )))
    }

    fn until(&mut self, end: char) -> Result<String, PatternError> {
        let text = self.take_while(usize::MAX, |c| c != end);
        if !self.take_if(end) {
            return Err(PatternError::invalid(format!(
                "missing {end}, unterminated name"
            )));
        }
        if text.is_empty() {
            return Err(PatternError::invalid("missing group name"));
        }
        Ok(text)
    }

    /// A reference to what a group matched.
    pub(super) fn reference(&mut self, number: usize) -> Result<PatternPart, PatternError> {
        let width = match self.groups.get(number.wrapping_sub(1)) {
            None => {
                return Err(PatternError::invalid(format!(
                    "invalid group reference {number}"
                )));
            }
            Some(None) => return Err(PatternError::invalid("cannot refer to an open group")),
            Some(Some(width)) => *width,
        };
        self.check_look_behind(number)?;
        Ok(match (self.flags.ignore_case, self.flags.ascii) {
            (false, _) => PatternPart::item(format!(r"(?:\{number})"), width),
            (true, false) => PatternPart::item(format!(r"(?i:\{number})"), width),
            (true, true) => {
                return Err(PatternError::NoEqual(
                    "a back-reference under (?ai)".to_owned(),
                ));
            }
        })
    }

    fn check_look_behind(&self, number: usize) -> Result<(), PatternError> {
        if self.look_behind.is_some_and(|before| number > before) {
            return Err(PatternError::invalid(
                "cannot refer to group defined in the same lookbehind subpattern",
            ));
        }
        Ok(())
    }

    /// `(?(number)yes|no)` and `(?(name)yes|no)`.
    fn condition(&mut self) -> Result<PatternPart, PatternError> {
        let name = self.until(')')?;
        let number = if is_identifier(&name) {
            self.number_of(&name)?
        } else {
            name.parse().map_err(|_| {
                PatternError::invalid(format!("bad character in group name '{name}'"))
            })?
        };
        if number == 0 {
            return Err(PatternError::invalid("bad group number"));
        }
        if self.groups.get(number - 1) == Some(&None) {
            // Python uses the previous iteration, which the engine does not keep.
            let what = format!("a condition on group {number} inside of it");
            return Err(PatternError::NoEqual(what));
        }
        self.conditions.push(number);
        self.check_look_behind(number)?;
        let outside = self.flags;
        let yes = self.sequence(false)?;
        let no = if self.take_if('|') {
            self.sequence(false)?
        } else {
            PatternPart::item("", (0, 0))
        };
        if self.peek() == Some('|') {
            return Err(PatternError::invalid(
                "conditional backref with more than two branches",
            ));
        }
        self.close()?;
        self.flags = outside;
        let width = (yes.width.0.min(no.width.0), yes.width.1.max(no.width.1));
        Ok(PatternPart::item(
            format!("(?({number})(?:{})|(?:{}))", yes.text, no.text),
            width,
        ))
    }

    /// A condition may name a later group, but the group must exist.
    pub(super) fn check_forward_references(&self) -> Result<(), PatternError> {
        match self
            .conditions
            .iter()
            .find(|number| **number > self.groups.len())
        {
            Some(number) => Err(PatternError::invalid(format!(
                "invalid group reference {number}"
            ))),
            None => Ok(()),
        }
    }

    fn comment(&mut self) -> Result<(), PatternError> {
        self.take_while(usize::MAX, |c| c != ')');
        if self.take_if(')') {
            return Ok(());
        }
        Err(PatternError::invalid("missing ), unterminated comment"))
    }

    /// `(?flags)` for the whole pattern, `(?flags-flags:...)` for a part.
    fn flags(
        &mut self,
        first: char,
        flags_may_come: bool,
    ) -> Result<Option<PatternPart>, PatternError> {
        let (mut on, mut off) = (String::new(), String::new());
        let mut c = Some(first);
        while let Some(letter) = c.filter(char::is_ascii_alphabetic) {
            on.push(letter);
            c = self.next();
        }
        if c == Some('-') {
            off = self.take_while(usize::MAX, |c| c.is_ascii_alphabetic());
            c = self.next().filter(|c| *c == ':' && !off.is_empty());
        }
        let outside = self.flags;
        let inside = outside.with(&on)?.without(&off)?;
        match c {
            Some(':') => {
                self.flags = inside;
                let piece = self.enclosed("(?:")?;
                self.flags = outside;
                Ok(Some(piece))
            }
            Some(')') if !flags_may_come => Err(PatternError::invalid(
                "global flags not at the start of the expression",
            )),
            Some(')') => {
                self.flags = inside;
                Ok(None)
            }
            _ => Err(PatternError::invalid("missing -, : or ) behind flags")),
        }
    }
}

impl Flags {
    fn with(mut self, letters: &str) -> Result<Flags, PatternError> {
        if letters.contains('a') && letters.contains('u') {
            return Err(PatternError::invalid(
                "bad inline flags: flags 'a' and 'u' are incompatible",
            ));
        }
        for letter in letters.chars() {
            match letter {
                'a' => self.ascii = true,
                'u' => self.ascii = false,
                'L' => {
                    return Err(PatternError::invalid(
                        "bad inline flags: cannot use 'L' flag with a str pattern",
                    ));
                }
                _ => *self.switch(letter)? = true,
            }
        }
        Ok(self)
    }

    fn without(mut self, letters: &str) -> Result<Flags, PatternError> {
        for letter in letters.chars() {
            *self.switch(letter)? = false;
        }
        Ok(self)
    }

    /// The flags that may be turned on and off.
    fn switch(&mut self, letter: char) -> Result<&mut bool, PatternError> {
        Ok(match letter {
            'i' => &mut self.ignore_case,
            'm' => &mut self.multi_line,
            's' => &mut self.dot_all,
            'x' => &mut self.verbose,
            _ => return Err(PatternError::invalid(format!("unknown flag '{letter}'"))),
        })
    }
}

/// Python's `str.isidentifier()`, near enough for a group's name.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
        && chars.all(|c| c == '_' || c.is_alphanumeric())
}
