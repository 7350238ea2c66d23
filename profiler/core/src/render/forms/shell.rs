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
        let lines: Vec<Option<String>> = advice.apply.iter().map(|argv| typed(argv)).collect();
        // Half of an action would be another one.
        let is_run = is_first && lines.iter().all(Option::is_some);
        for line in lines {
            out.push_str(&match line {
                Some(line) if is_run => line + "\n",
                line => comment("#", &line.unwrap_or_else(unprintable)),
            });
        }
        is_first = is_first && !is_run;
        if !advice.undo.is_empty() {
            out.push_str(&comment("#", &form(Lang::En, &Form::Undo)));
        }
        for argv in &advice.undo {
            out.push_str(&comment("#", &typed(argv).unwrap_or_else(unprintable)));
        }
    }
    if is_first {
        out.push_str(&comment("#", &form(Lang::En, &Form::Nothing)));
    }
    out
}

/// In place of a command that holds what nobody could read.
pub(super) fn unprintable() -> String {
    form(Lang::En, &Form::Unprintable)
}
