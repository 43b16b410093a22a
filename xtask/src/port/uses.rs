//! Rewrites the paths of a source: `use` declarations and paths in full.
//!
//! Owns the grammar of use trees. Which names change stands in `names.rs`; everything that does not
//! change is written back byte for byte. It works on tokens and resolves nothing: a name that is
//! imported under another one is followed only as far as its `use` line.

use super::lex::{Kind, Token, lex};
use super::names::in_lif;

/// The source with the paths that Lif has.
pub(super) fn rewrite(source: &str) -> String {
    let tokens = lex(source);
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < tokens.len() {
        let (text, next) = declaration(&tokens, at)
            .or_else(|| path(&tokens, at))
            .unwrap_or_else(|| (tokens[at].text.to_owned(), at + 1));
        out.push_str(&text);
        at = next;
    }
    out
}

/// One name that a use declaration brings in.
struct Leaf {
    path: Vec<String>,
    alias: Option<String>,
}

/// A `use` declaration at `at`, and where it ends; `None` if there is none, or none that changes.
fn declaration(tokens: &[Token<'_>], at: usize) -> Option<(String, usize)> {
    if !tokens[at].is("use") || before(tokens, at).is_some_and(|t| t.is(".") || t.is("$")) {
        return None;
    }
    let end = at + tokens[at..].iter().position(|t| t.is(";"))?;
    let words: Vec<Token<'_>> =
        tokens[at + 1..end].iter().filter(|t| t.kind != Kind::Blank).copied().collect();
    let mut leaves = Vec::new();
    let mut rest = &words[..];
    tree(&mut rest, &[], &mut leaves)?;
    let changes = |leaf: &Leaf| lif_path(&leaf.path).is_some();
    if !rest.is_empty() || !leaves.iter().any(changes) {
        return None;
    }
    let written: Vec<String> = leaves.iter().map(write).collect();
    let text = match &written[..] {
        [one] => format!("use {one}"),
        many => format!("use {{{}}}", many.join(", ")),
    };
    Some((text, end))
}

/// Reads one use tree beneath `prefix` and adds its leaves.
fn tree(rest: &mut &[Token<'_>], prefix: &[String], leaves: &mut Vec<Leaf>) -> Option<()> {
    let mut path = prefix.to_vec();
    skip_colons(rest);
    loop {
        let (first, after) = rest.split_first()?;
        *rest = after;
        if first.is("{") {
            loop {
                let first = rest.first()?;
                if first.is("}") {
                    *rest = &rest[1..];
                    return Some(());
                } else if first.is(",") {
                    *rest = &rest[1..];
                } else {
                    tree(rest, &path, leaves)?;
                }
            }
        }
        if first.kind != Kind::Word && !first.is("*") {
            return None;
        }
        if !(first.is("self") && !prefix.is_empty() && path.len() == prefix.len()) {
            path.push(first.text.to_owned());
        }
        if !skip_colons(rest) {
            break;
        }
    }
    let alias = match rest {
        [word, name, after @ ..] if word.is("as") => {
            *rest = after;
            Some(name.text.to_owned())
        }
        _ => None,
    };
    leaves.push(Leaf { path, alias });
    Some(())
}

fn skip_colons(rest: &mut &[Token<'_>]) -> bool {
    match rest {
        [a, b, after @ ..] if a.is(":") && b.is(":") => {
            *rest = after;
            true
        }
        _ => false,
    }
}

fn lif_path(path: &[String]) -> Option<String> {
    in_lif(&path.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The leaf as a use tree of its own. Where its last name has changed, the old one is kept.
fn write(leaf: &Leaf) -> String {
    let path = lif_path(&leaf.path).unwrap_or_else(|| leaf.path.join("::"));
    let (new, old) = (path.rsplit("::").next(), leaf.path.last().map(String::as_str));
    match &leaf.alias {
        Some(alias) => format!("{path} as {alias}"),
        None if new != old => format!("{path} as {}", old.unwrap_or_default()),
        None => path,
    }
}

/// A path in full at `at` that changes, and where it ends.
fn path(tokens: &[Token<'_>], at: usize) -> Option<(String, usize)> {
    let rooted = tokens[at].is(":") && tokens.get(at + 1)?.is(":");
    let start = if rooted { at + 2 } else { at };
    if tokens.get(start)?.kind != Kind::Word {
        return None;
    }
    // Behind a word, `::` goes on with a path; behind a keyword, it begins one.
    if let Some(last) = before(tokens, at) {
        let name = last.kind == Kind::Word
            && !["return", "in", "as", "else", "match", "if"].contains(&last.text);
        let inside = last.is(".") || last.is("$") || last.is(">") && rooted;
        if inside || (rooted && name) || (!rooted && last.is(":") && follows_colons(tokens, at)) {
            return None;
        }
    }
    let mut words = vec![tokens[start].text];
    let mut end = start + 1;
    while let [a, b, word, ..] = &tokens[end..]
        && a.is(":")
        && b.is(":")
        && word.kind == Kind::Word
    {
        words.push(word.text);
        end += 3;
    }
    Some((format!("::{}", in_lif(&words)?), end))
}

/// The token before `at` that is not blank.
fn before<'t, 's>(tokens: &'t [Token<'s>], at: usize) -> Option<&'t Token<'s>> {
    tokens[..at].iter().rfind(|t| t.kind != Kind::Blank)
}

/// Whether `::` stands right before `at`.
fn follows_colons(tokens: &[Token<'_>], at: usize) -> bool {
    matches!(&tokens[..at], [.., a, b] if a.is(":") && b.is(":"))
}

#[cfg(test)]
mod tests {
    use super::rewrite;

    #[test]
    fn one_name_is_moved() {
        assert_eq!(rewrite("pub use std::sync::Mutex;"), "pub use lif::sync::Mutex;");
        assert_eq!(rewrite("use ::std::thread;"), "use lif::thread;");
        assert_eq!(rewrite("use std::net::*;"), "use lif::net::*;");
    }

    #[test]
    fn a_nested_group_is_split() {
        assert_eq!(
            rewrite(
                "use std::{sync::{Arc, Mutex, mpsc::{self, Sender}}, thread, time::Duration,};"
            ),
            "use {std::sync::Arc, lif::sync::Mutex, lif::sync::mpsc, lif::sync::mpsc::Sender, \
             lif::thread, std::time::Duration};"
        );
    }

    #[test]
    fn names_are_kept() {
        assert_eq!(rewrite("use std::thread as t;"), "use lif::thread as t;");
        assert_eq!(rewrite("use crossbeam_channel;"), "use lif::channel as crossbeam_channel;");
        assert_eq!(
            rewrite("use std::thread::{self, sleep as nap};"),
            "use {lif::thread, lif::thread::sleep as nap};"
        );
    }

    #[test]
    fn what_does_not_change_stays_byte_for_byte() {
        for source in [
            "use std::{fmt,  io as i}; // use std::thread;",
            "use super::*; fn f() { let s = \"std::thread::spawn\"; }",
            "use self::thread::spawn; fn f<T: use_::X>() {}",
            "fn f() -> impl Sized + use<> { my::std::thread::spawn(); }",
        ] {
            assert_eq!(rewrite(source), source);
        }
    }

    #[test]
    fn paths_in_full_are_moved() {
        assert_eq!(rewrite("std::thread::spawn(f)"), "::lif::thread::spawn(f)");
        assert_eq!(rewrite("::std::thread::spawn(f)"), "::lif::thread::spawn(f)");
        assert_eq!(rewrite("x: std::sync::Mutex<T>"), "x: ::lif::sync::Mutex<T>");
        assert_eq!(rewrite("return ::std::thread::park()"), "return ::lif::thread::park()");
        assert_eq!(
            rewrite("std::sync::mpsc::channel::<std::sync::Arc<u8>>()"),
            "::lif::sync::mpsc::channel::<std::sync::Arc<u8>>()"
        );
        assert_eq!(rewrite("crossbeam_channel::select! {}"), "::lif::channel::select! {}");
    }
}
