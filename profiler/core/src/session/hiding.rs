//! Where secrets are hidden: at the door. What enters a session or a capture goes through here first.

use super::Input;
use crate::event::hidden_exec;
use crate::redact::CommandLines;

/// Goes on with the input, its command lines as they are to be kept.
pub fn entering<T>(
    input: Input<'_>,
    command_lines: CommandLines,
    then: impl FnOnce(Input<'_>) -> T,
) -> T {
    if command_lines.is_whole() {
        return then(input);
    }
    match input {
        Input::Record(bytes) => match hidden_exec(bytes) {
            Some(hidden) => then(Input::Record(&hidden)),
            None => then(Input::Record(bytes)),
        },
        Input::Process(mut facts) => {
            facts.hide_secrets();
            then(Input::Process(facts))
        }
        Input::Schedules(mut schedules) => {
            schedules.hide_secrets();
            then(Input::Schedules(schedules))
        }
        other => then(other),
    }
}
