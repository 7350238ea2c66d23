//! Owns `cargo xtask lines`: how much code there is, tests apart, so that a claim of "less" can be repeated.
//!
//! A line counts when it is not blank. Tests are files named `tests.rs`, `*_tests.rs` or `test_*.rs`, everything below a
//! folder `tests`, and in other files all from a `#[cfg(test)]` at the margin that a `mod` with a body follows: rustfmt and
//! this tree keep such a module last.
#![expect(clippy::print_stdout, reason = "the table is the result")]

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::run;

/// The rooms that are counted, from the top of the tree.
const ROOMS: [&str; 5] =
    ["profiler/core/src", "profiler/src", "profiler-ebpf", "xtask/src", "tests"];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lines {
    code: usize,
    tests: usize,
}

pub(crate) fn run() -> Result<()> {
    println!("{:>8} {:>8}  lines that are not blank", "code", "tests");
    for room in ROOMS {
        let all_tests = room == "tests";
        let mut sum = Lines::default();
        for file in sources(&run::workspace().join(room))? {
            let text =
                fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            let lines = count(&file, &text, all_tests);
            sum.code += lines.code;
            sum.tests += lines.tests;
        }
        println!("{:>8} {:>8}  {room}", sum.code, sum.tests);
    }
    Ok(())
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
        for entry in entries {
            let path = entry.context("reading a folder")?.path();
            let is_built = path.file_name().is_some_and(|name| name == "target");
            if path.is_dir() && !is_built {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn count(file: &Path, text: &str, all_tests: bool) -> Lines {
    let filled = |lines: &[&str]| lines.iter().filter(|line| !line.trim().is_empty()).count();
    let lines: Vec<&str> = text.lines().collect();
    if all_tests || is_test(file) {
        return Lines { code: 0, tests: filled(&lines) };
    }
    let begin = inline_tests(&lines).unwrap_or(lines.len());
    Lines { code: filled(&lines[..begin]), tests: filled(&lines[begin..]) }
}

fn is_test(file: &Path) -> bool {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let is_named = name == "tests" || name.ends_with("_tests") || name.starts_with("test_");
    is_named || file.components().any(|part| part.as_os_str() == "tests")
}

/// Where a file's own module of tests begins.
fn inline_tests(lines: &[&str]) -> Option<usize> {
    let is_module = |at: usize| {
        let item = lines[at + 1..].iter().find(|line| !line.starts_with("#["));
        item.is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'))
    };
    (0..lines.len()).find(|at| lines[*at] == "#[cfg(test)]" && is_module(*at))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Property: what tests need is no code, wherever it stands; a test-only function in the middle is a line of code.
    #[test]
    fn tests_are_told_from_code() {
        let text = "fn a() {}\n\n#[cfg(test)]\nfn b() {}\n#[cfg(test)]\nmod tests {\n}\n";
        let lines = count(Path::new("x/src/a.rs"), text, false);
        assert_eq!(lines, Lines { code: 3, tests: 3 });
        for test in ["x/src/tests.rs", "x/src/a_tests.rs", "x/src/tests/a.rs", "x/test_facts.rs"] {
            assert_eq!(count(Path::new(test), text, false), Lines { code: 0, tests: 6 }, "{test}");
        }
        let apart = "fn a() {}\n#[cfg(test)]\n#[path = \"a_tests.rs\"]\nmod tests;\n";
        assert_eq!(count(Path::new("a.rs"), apart, false), Lines { code: 4, tests: 0 });
    }
}
