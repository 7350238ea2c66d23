//! Advice as a shell script: one line per command, every argument quoted.

use super::comment;
use crate::advice::forms::argv::typed;
use crate::report::{Report, Verdict};
use crate::text::Lang;
use crate::text::advice::{Form, action, form, reason};
use crate::text::names::Names;

/// The recommended actions of a report as a script. Commands are comments but for the best action's: the others are alternatives.
pub fn shell(report: &Report) -> String {
    let names = Names::of(report, Lang::En);
    let mut out = String::from("#!/bin/sh\n");
    out.push_str(&comment("#", &form(Lang::En, &Form::Head { version: &report.tool.version })));
    out.push_str("set -eu\n");
    let mut is_first = true;
    let all = report.advice.iter().flatten().filter(|one| one.verdict == Verdict::Recommended);
    for advice in all {
        out.push('\n');
        out.push_str(&comment(
            "#",
            &form(Lang::En, &Form::Action(&action(&names, &advice.action))),
        ));
        out.push_str(&comment("#", &form(Lang::En, &Form::Reason(&reason(&names, advice)))));
        if advice.apply.is_empty() {
            out.push_str(&comment("#", &form(Lang::En, &Form::NoForm)));
            continue;
        }
        for argv in &advice.apply {
            let line = quoted(argv);
            let line = if is_first { line + "\n" } else { comment("#", &line) };
            out.push_str(&line);
        }
        is_first = false;
        if !advice.undo.is_empty() {
            out.push_str(&comment("#", &form(Lang::En, &Form::Undo)));
        }
        for argv in &advice.undo {
            out.push_str(&comment("#", &quoted(argv)));
        }
    }
    if is_first {
        out.push_str(&comment("#", &form(Lang::En, &Form::Nothing)));
    }
    out
}

/// Arguments as a shell reads them. What no shell can be told (a NUL) makes a line that does nothing.
pub(super) fn quoted(argv: &[String]) -> String {
    typed(argv).unwrap_or_else(|| ":".to_owned())
}
