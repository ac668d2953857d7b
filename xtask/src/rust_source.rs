//! A small reader of Rust source: it tells code from comments and text, which is all that the house's checks need.

/// One line of source, split.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The code on the line. Strings and characters are emptied, so that no brace or word in them counts.
    pub code: String,
    /// The comment on the line, doc comments included.
    pub comment: String,
}

/// A function and how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of its `fn`, from one.
    pub line: usize,
    /// Lines from `fn` to the closing brace.
    pub length: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Code,
    LineComment,
    BlockComment { depth: u32 },
    Text,
    RawText { hashes: usize },
}

/// Splits source into lines of code and comment.
#[must_use]
pub fn lines(source: &str) -> Vec<Line> {
    let characters: Vec<char> = source.chars().collect();
    let mut reader = Reader { characters: &characters, at: 0, state: State::Code, line: Line::default() };
    let mut lines = Vec::new();
    while let Some(&character) = characters.get(reader.at) {
        if character == '\n' {
            if reader.state == State::LineComment {
                reader.state = State::Code;
            }
            lines.push(std::mem::take(&mut reader.line));
            reader.at += 1;
        } else {
            reader.step(character);
        }
    }
    if reader.line != Line::default() {
        lines.push(reader.line);
    }
    lines
}

struct Reader<'a> {
    characters: &'a [char],
    at: usize,
    state: State,
    line: Line,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    fn step(&mut self, character: char) {
        match self.state {
            State::Code => self.step_code(character),
            State::LineComment => {
                self.line.comment.push(character);
                self.at += 1;
            }
            State::BlockComment { depth } => self.step_block_comment(character, depth),
            State::Text => {
                // A backslash hides the next character, unless that is the line's end, which lines() must see.
                let hides = character == '\\' && self.peek(1) != Some('\n');
                self.at += if hides { 2 } else { 1 };
                if character == '"' {
                    self.line.code.push('"');
                    self.state = State::Code;
                }
            }
            State::RawText { hashes } => {
                let closes = character == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#'));
                self.at += 1;
                if closes {
                    self.at += hashes;
                    self.line.code.push('"');
                    self.state = State::Code;
                }
            }
        }
    }

    fn step_code(&mut self, character: char) {
        match character {
            '/' if self.peek(1) == Some('/') => {
                self.state = State::LineComment;
                self.at += 2;
            }
            '/' if self.peek(1) == Some('*') => {
                self.state = State::BlockComment { depth: 1 };
                self.at += 2;
            }
            '"' => {
                self.line.code.push('"');
                self.state = State::Text;
                self.at += 1;
            }
            'r' if !self.follows_word() && self.raw_hashes(1).is_some() => {
                let hashes = self.raw_hashes(1).unwrap_or(0);
                self.line.code.push('"');
                self.state = State::RawText { hashes };
                self.at += hashes + 2;
            }
            '\'' => self.step_quote(),
            _ => {
                self.line.code.push(character);
                self.at += 1;
            }
        }
    }

    fn step_block_comment(&mut self, character: char, depth: u32) {
        match (character, self.peek(1)) {
            ('*', Some('/')) => {
                self.state = if depth == 1 { State::Code } else { State::BlockComment { depth: depth - 1 } };
                self.at += 2;
            }
            ('/', Some('*')) => {
                self.state = State::BlockComment { depth: depth + 1 };
                self.at += 2;
            }
            _ => {
                self.line.comment.push(character);
                self.at += 1;
            }
        }
    }

    /// A character is skipped; a lifetime is code.
    fn step_quote(&mut self) {
        let length = match (self.peek(1), self.peek(2)) {
            (Some('\\'), _) => (3..14).find(|&ahead| self.peek(ahead) == Some('\'')).map(|ahead| ahead + 1),
            (Some(_), Some('\'')) => Some(3),
            _ => None,
        };
        self.line.code.push('\'');
        self.at += length.unwrap_or(1);
    }

    /// Whether the code so far ends in a word that the next letter would belong to; `b` and `c` open raw strings too.
    fn follows_word(&self) -> bool {
        let mut before = self.line.code.chars().rev();
        match before.next() {
            Some('b' | 'c') => before.next().is_some_and(is_word),
            Some(last) => is_word(last),
            None => false,
        }
    }

    /// The number of `#` between here and an opening quote, if there is one.
    fn raw_hashes(&self, from: usize) -> Option<usize> {
        let hashes = (from..).take_while(|&ahead| self.peek(ahead) == Some('#')).count();
        (self.peek(from + hashes) == Some('"')).then_some(hashes)
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Whether `word` stands in `code` as a word of its own, at the returned offsets.
pub(crate) fn word_offsets<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).filter_map(move |(offset, _)| {
        let before = code[..offset].chars().next_back();
        let after = code[offset + word.len()..].chars().next();
        (!before.is_some_and(is_word) && !after.is_some_and(is_word)).then_some(offset)
    })
}

/// The functions of a source, with bodies, in order. Lengths count from `fn` to the closing brace.
#[must_use]
pub fn functions(lines: &[Line]) -> Vec<Function> {
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        for offset in word_offsets(&line.code, "fn") {
            let rest = line.code[offset + 2..].trim_start();
            let name: String = rest.chars().take_while(|&character| is_word(character)).collect();
            // `fn(` is a type, not a function.
            if name.is_empty() {
                continue;
            }
            if let Some(end) = body_end(lines, index, offset) {
                found.push(Function { name, line: index + 1, length: end - index + 1 });
            }
        }
    }
    found
}

/// The line on which the body that begins after (`line`, `offset`) closes; `None` for a declaration without a body.
fn body_end(lines: &[Line], line: usize, offset: usize) -> Option<usize> {
    let mut braces = 0_u32;
    let mut nested = 0_u32;
    for (index, current) in lines.iter().enumerate().skip(line) {
        let code = if index == line { &current.code[offset..] } else { current.code.as_str() };
        for character in code.chars() {
            match character {
                '(' | '[' => nested += 1,
                ')' | ']' => nested = nested.saturating_sub(1),
                ';' if nested == 0 && braces == 0 => return None,
                '{' => braces += 1,
                '}' => {
                    braces = braces.saturating_sub(1);
                    if braces == 0 {
                        return Some(index);
                    }
                }
                _ => {}
            }
        }
    }
    None
}
