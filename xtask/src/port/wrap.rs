//! Puts the body of each test into a runtime, as a program does with its `main`.
//!
//! Owns what a test function looks like. Paths are none of its business.

use super::lex::{Kind, Token, lex};

/// The source with every `#[test]` function's body inside `lif::run`.
pub(super) fn wrap(source: &str) -> String {
    let tokens = lex(source);
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < tokens.len() {
        if let Some(test) = Test::at(&tokens, at) {
            let text = |from: usize, to: usize| tokens[from..to].iter().map(|t| t.text);
            out.extend(text(at, test.open));
            // A function, not a closure: its body may begin with attributes.
            out.push_str("{ fn in_lif() ");
            out.extend(text(test.arrow, test.close + 1));
            out.push_str(" ::lif::run(in_lif) }");
            at = test.close + 1;
        } else {
            out.push_str(tokens[at].text);
            at += 1;
        }
    }
    out
}

/// Where the parts of a test function are.
struct Test {
    /// `->`, or `open` where nothing is returned.
    arrow: usize,
    open: usize,
    close: usize,
}

impl Test {
    /// The test whose `#[test]` stands at `at`.
    fn at(tokens: &[Token<'_>], at: usize) -> Option<Test> {
        let code = |from: usize| (from..tokens.len()).filter(|&i| tokens[i].kind != Kind::Blank);
        let mut attribute = code(at);
        for text in ["#", "[", "test", "]"] {
            if !tokens[attribute.next()?].is(text) {
                return None;
            }
        }
        let name = attribute.find(|&i| tokens[i].is("fn"))?;
        let open = code(name).find(|&i| tokens[i].is("{"))?;
        let arrow = code(name)
            .take_while(|&i| i < open)
            .find(|&i| tokens[i].is("-") && tokens[i + 1].is(">"));
        let mut depth = 0_usize;
        let close = code(open).find(|&i| {
            depth += usize::from(tokens[i].is("{"));
            depth -= usize::from(tokens[i].is("}"));
            depth == 0
        })?;
        Some(Test { arrow: arrow.unwrap_or(open), open, close })
    }
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn a_test_runs_in_a_runtime() {
        assert_eq!(
            wrap("#[test]\nfn a() { if b { c('}') } }\nfn d() {}"),
            "#[test]\nfn a() { fn in_lif() { if b { c('}') } } ::lif::run(in_lif) }\nfn d() {}"
        );
    }

    #[test]
    fn other_attributes_and_a_result_are_kept() {
        assert_eq!(
            wrap("# [ test ] #[should_panic] fn a() -> Result<(), E> { b() }"),
            "# [ test ] #[should_panic] fn a() -> Result<(), E> \
             { fn in_lif() -> Result<(), E> { b() } ::lif::run(in_lif) }"
        );
    }

    #[test]
    fn other_functions_and_comments_are_not_touched() {
        for source in ["// #[test] fn a() {}\nfn b() {}", "#[cfg(test)] mod a { fn b() {} }"] {
            assert_eq!(wrap(source), source);
        }
    }
}
