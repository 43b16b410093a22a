//! The tokens of a Rust source, as far as the rewriter has to tell them apart.
//!
//! Owns what is code and what is not: comments, strings, characters and lifetimes. Knows nothing of
//! what code means. Every byte of the source is in exactly one token, so that what is not rewritten
//! can be written back as it was.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word: an identifier or a keyword.
    Word,
    /// One character of punctuation.
    Mark,
    /// A string, a character, a number or a lifetime.
    Literal,
    /// White space or a comment.
    Blank,
}

/// A piece of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'s> {
    pub(super) kind: Kind,
    pub(super) text: &'s str,
}

impl Token<'_> {
    /// Whether it is this word or mark.
    pub(super) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Mark) && self.text == text
    }
}

/// Takes a source apart. What is no Rust comes out as some tokens all the same.
pub(super) fn lex(mut source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    while let Some(first) = source.chars().next() {
        let (kind, length) = next(source, first);
        let (text, rest) = source.split_at(length);
        tokens.push(Token { kind, text });
        source = rest;
    }
    tokens
}

/// What `source` begins with, and how long that is.
fn next(source: &str, first: char) -> (Kind, usize) {
    if first.is_whitespace() {
        (Kind::Blank, source.find(|c: char| !c.is_whitespace()).unwrap_or(source.len()))
    } else if source.starts_with("//") {
        (Kind::Blank, source.find('\n').unwrap_or(source.len()))
    } else if source.starts_with("/*") {
        (Kind::Blank, block_comment(source))
    } else if first == '"' {
        (Kind::Literal, quoted(source, 1, '"'))
    } else if first == '\'' {
        (Kind::Literal, character_or_lifetime(source))
    } else if let Some(length) = prefixed(source) {
        (Kind::Literal, length)
    } else if first.is_ascii_digit() {
        (Kind::Literal, word(source))
    } else if first == '_' || first.is_alphabetic() {
        (Kind::Word, word(source))
    } else {
        (Kind::Mark, first.len_utf8())
    }
}

fn word(source: &str) -> usize {
    source.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(source.len())
}

/// Block comments nest.
fn block_comment(source: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < source.len() {
        let rest = &source.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    source.len()
}

/// To behind the next `end` from `from` on that no backslash stands before.
fn quoted(source: &str, from: usize, end: char) -> usize {
    let mut escaped = false;
    for (at, c) in source[from..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == end => return from + at + c.len_utf8(),
            _ => {}
        }
    }
    source.len()
}

/// `'a'` is a character, `'a` a lifetime, `'\''` a character.
fn character_or_lifetime(source: &str) -> usize {
    let mut chars = source[1..].char_indices();
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => quoted(source, 1, '\''),
        (Some(_), Some((at, '\''))) => 1 + at + 1,
        _ => 1 + word(&source[1..]),
    }
}

/// Strings with something before the quote: `b"x"`, `r"x"`, `br#"x"#`, `c"x"`, `b'x'`.
fn prefixed(source: &str) -> Option<usize> {
    let letters = ["br", "cr", "b", "c", "r"].into_iter().find(|p| source.starts_with(p))?.len();
    let raw = source[..letters].ends_with('r');
    let hashes = source[letters..].bytes().take_while(|&b| b == b'#').count();
    let open = letters + hashes;
    match source[open..].chars().next()? {
        '"' if raw => {
            let end = format!("\"{}", "#".repeat(hashes));
            let close = source[open + 1..].find(&end);
            Some(close.map_or(source.len(), |at| open + 1 + at + end.len()))
        }
        '"' if hashes == 0 => Some(quoted(source, open + 1, '"')),
        '\'' if hashes == 0 && &source[..letters] == "b" => Some(quoted(source, open + 1, '\'')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The source again, with only what is code.
    fn code(source: &str) -> Vec<&str> {
        let tokens = lex(source);
        assert_eq!(tokens.iter().map(|t| t.text).collect::<String>(), source);
        let code = |t: &&Token<'_>| matches!(t.kind, Kind::Word | Kind::Mark);
        tokens.iter().filter(code).map(|t| t.text).collect()
    }

    #[test]
    fn words_and_marks_are_code() {
        assert_eq!(code("use a::b;\n"), ["use", "a", ":", ":", "b", ";"]);
    }

    #[test]
    fn comments_are_not_code_and_nest() {
        assert_eq!(code("a // use b;\nc /* d /* e */ f */ g"), ["a", "c", "g"]);
    }

    #[test]
    fn strings_are_not_code() {
        assert_eq!(
            code(r####"a "b \" c" d r#"e " f"# g b"h" i br"\" j c"k" l"####),
            ["a", "d", "g", "i", "j", "l"]
        );
    }

    #[test]
    fn characters_and_lifetimes_are_told_apart() {
        assert_eq!(
            code(r"f::<'a>('{', '\'', b'}', 'ü') g"),
            ["f", ":", ":", "<", ">", "(", ",", ",", ",", ")", "g"]
        );
    }

    #[test]
    fn a_word_that_begins_like_a_string_is_a_word() {
        assert_eq!(code("break r b cr build"), ["break", "r", "b", "cr", "build"]);
    }

    #[test]
    fn what_does_not_end_ends_with_the_source() {
        for source in ["\"abc", "/* abc", "r#\"abc\"", "'", "b'"] {
            code(source);
        }
    }
}
