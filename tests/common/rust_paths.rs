//! Rust source → the paths that it names outside of tests: enough of the language for the architecture test.
//!
//! Comments, literals and items under `#[cfg(test)]` are left out; `use` trees are written out path by path.
//! What a macro makes of its tokens is not seen, nor is a name behind an alias of a whole module.

/// `a::b::C`, as it was written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// From 1.
    pub line: usize,
    pub path: Vec<String>,
    /// How many `mod name { … }` it stands in.
    pub inline_depth: usize,
    /// Whether a `use` names it: a single name elsewhere may be a variable.
    pub is_use: bool,
}

/// What a source file holds, as far as it is compiled outside of tests.
#[derive(Debug, Default)]
pub struct Source {
    pub named: Vec<Named>,
    /// Modules in files of their own that exist in tests only.
    pub test_modules: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    line: usize,
    text: String,
}

/// Reads `source`.
pub fn read(source: &str) -> Source {
    let mut found = Source::default();
    let tokens = without_tests(&tokens(source), &mut found.test_modules);
    let (mut at, mut scopes) = (0, Vec::new());
    while at < tokens.len() {
        let inline_depth = scopes.iter().filter(|is_mod| **is_mod).count();
        match tokens[at].text.as_str() {
            "{" => {
                let is_mod = at >= 2 && tokens[at - 2].text == "mod";
                scopes.push(is_mod);
                at += 1;
            }
            "}" => {
                scopes.pop();
                at += 1;
            }
            "use" => {
                let end = (at..tokens.len()).find(|&end| tokens[end].text == ";").unwrap_or(tokens.len());
                let mut tree = at + 1;
                use_tree(&tokens[..end], &mut tree, &[], inline_depth, &mut found.named);
                at = end;
            }
            text if is_name(text) => {
                let line = tokens[at].line;
                let mut path = vec![tokens[at].text.clone()];
                while at + 2 < tokens.len() && tokens[at + 1].text == "::" && is_name(&tokens[at + 2].text) {
                    path.push(tokens[at + 2].text.clone());
                    at += 2;
                }
                found.named.push(Named { line, path, inline_depth, is_use: false });
                at += 1;
            }
            _ => at += 1,
        }
    }
    found
}

/// One branch of a `use` tree: `prefix::{a, b::C as D, *}`.
fn use_tree(
    tokens: &[Token],
    at: &mut usize,
    prefix: &[String],
    inline_depth: usize,
    named: &mut Vec<Named>,
) {
    let mut path = prefix.to_vec();
    let mut line = tokens.get(*at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(*at) {
        *at += 1;
        match token.text.as_str() {
            "::" => {}
            "{" => {
                while tokens.get(*at).is_some_and(|token| token.text != "}") {
                    use_tree(tokens, at, &path, inline_depth, named);
                    if tokens.get(*at).is_some_and(|token| token.text == ",") {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            "as" => *at += 1,
            "," | "}" => {
                *at -= 1;
                break;
            }
            text => {
                line = token.line;
                path.push(text.to_owned());
            }
        }
    }
    named.push(Named { line, path, inline_depth, is_use: true });
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Leaves out every item that a `#[cfg(test)]` stands before, and notes the modules among them.
fn without_tests(tokens: &[Token], test_modules: &mut Vec<String>) -> Vec<Token> {
    let texts: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let is_test = texts[at..].starts_with(&["#", "[", "cfg", "(", "test", ")", "]"])
            || texts[at..].starts_with(&["#", "[", "cfg", "(", "all", "(", "test", ","])
            || texts[at..].starts_with(&["#", "[", "test", "]"]);
        if !is_test {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        while texts.get(at) == Some(&"#") {
            at = after_group(&texts, at + 1);
        }
        let start = at;
        // The item ends with its block, or with a semicolon outside of any.
        while at < texts.len() && !matches!(texts[at], "{" | ";") {
            at = if matches!(texts[at], "(" | "[") { after_group(&texts, at) } else { at + 1 };
        }
        let ended_by_block = texts.get(at) == Some(&"{");
        if let Some(name) = (start..at).find(|&name| texts[name] == "mod").filter(|_| !ended_by_block) {
            test_modules.push(texts[name + 1].to_owned());
        }
        let is_use = (start..at).any(|name| texts[name] == "use");
        at = if ended_by_block { after_group(&texts, at) } else { at + 1 };
        if is_use && ended_by_block {
            // `use a::{b, c};` has its semicolon behind the braces.
            at += usize::from(texts.get(at) == Some(&";"));
        }
    }
    kept
}

/// The index behind the bracket that closes the one at `at`.
fn after_group(texts: &[&str], at: usize) -> usize {
    let mut depth = 0_usize;
    for (index, text) in texts.iter().enumerate().skip(at) {
        match *text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return index + 1;
                }
            }
            _ => {}
        }
    }
    texts.len()
}

/// Names, `::` and single marks; no comments, no literals.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    let get = |at: usize| chars.get(at).copied().unwrap_or('\0');
    while at < chars.len() {
        let start = at;
        match chars[at] {
            '/' if get(at + 1) == '/' => {
                while at < chars.len() && chars[at] != '\n' {
                    at += 1;
                }
            }
            '/' if get(at + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (get(at), get(at + 1)) {
                        ('/', '*') => (depth, at) = (depth + 1, at + 2),
                        ('*', '/') => (depth, at) = (depth - 1, at + 2),
                        _ => at += 1,
                    }
                    if depth == 0 || at >= chars.len() {
                        break;
                    }
                }
            }
            '"' => at = after_string(&chars, at),
            '\'' if get(at + 1) == '\\' => {
                at += 3;
                while at < chars.len() && chars[at] != '\'' {
                    at += 1;
                }
                at += 1;
            }
            '\'' if get(at + 2) == '\'' => at += 3,
            '\'' => at += 1,
            c if c.is_alphabetic() || c == '_' => {
                while get(at).is_alphanumeric() || get(at) == '_' {
                    at += 1;
                }
                let text: String = chars[start..at].iter().collect();
                let hashes = (at..chars.len()).take_while(|&index| chars[index] == '#').count();
                if matches!(text.as_str(), "r" | "br" | "cr") && get(at + hashes) == '"' {
                    at = after_raw_string(&chars, at + hashes + 1, hashes);
                } else if text == "r" && hashes == 1 {
                    at += 1;
                } else if !(matches!(text.as_str(), "b" | "c") && matches!(get(at), '"' | '\'')) {
                    tokens.push(Token { line, text });
                }
            }
            c if c.is_ascii_digit() => {
                while get(at).is_alphanumeric() || get(at) == '_' {
                    at += 1;
                }
            }
            ':' if get(at + 1) == ':' => {
                tokens.push(Token { line, text: "::".to_owned() });
                at += 2;
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(Token { line, text: c.to_string() });
                }
                at += 1;
            }
        }
        line += chars[start..at.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

fn after_string(chars: &[char], quote: usize) -> usize {
    let mut at = quote + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn after_raw_string(chars: &[char], mut at: usize, hashes: usize) -> usize {
    let closes =
        |at: usize| chars[at] == '"' && (1..=hashes).all(|offset| chars.get(at + offset) == Some(&'#'));
    while at < chars.len() && !closes(at) {
        at += 1;
    }
    at + hashes + 1
}
