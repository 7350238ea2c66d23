//! Errors and warnings of the command line: what failed, what was found, what to do.

use super::Lang;
use crate::selector::{Absent, Why};

/// Something the user must be told about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem<'a> {
    /// The process may not load BPF programs.
    NotPermitted {
        /// The effective user id.
        uid: u32,
        /// The capabilities that are missing, separated by commas; empty when they are all there.
        missing: &'a str,
    },
    /// The kernel has no type information.
    NoBtf {
        /// Where it was looked for.
        path: &'a str,
        /// What came back.
        error: &'a str,
    },
    /// Tracepoint formats cannot be read.
    TracefsNotMounted {
        /// The places that were looked at, separated by commas.
        looked: &'a str,
    },
    /// Tracepoint formats may not be read.
    TracefsNotPermitted {
        /// The places that were looked at, separated by commas.
        looked: &'a str,
    },
    /// The kernel lacks something that nothing can replace.
    Unsupported {
        /// What is missing.
        missing: &'a str,
        /// The kernel's release.
        kernel: &'a str,
    },
    /// Selectors matched nothing.
    TargetNotFound {
        /// Each of them, and why.
        absent: &'a [Absent],
    },
    /// Nobody whom selectors mean came in a whole watch.
    NeverCame {
        /// Each of them, and why; none: nothing looked like etcd.
        absent: &'a [Absent],
    },
    /// `--brief` with an output that has no short form.
    NoBriefForm,
    /// The limit of open files is too low.
    FewDescriptors {
        /// The limit.
        limit: u64,
    },
    /// No target was given and nothing looks like etcd.
    NoEtcd,
    /// All targets are gone.
    TargetExited {
        /// The selector as given.
        selector: &'a str,
    },
    /// A capture ends in the middle of a block.
    Truncated {
        /// The file.
        file: &'a str,
        /// Bytes read, formatted.
        kept: &'a str,
        /// Bytes of the file, formatted.
        size: &'a str,
    },
    /// A file is not what the command reads.
    NotReadable {
        /// The file.
        file: &'a str,
        /// What is wrong with it.
        error: &'a str,
    },
    /// What is named is no file that can be read to its end.
    NoFile {
        /// Its name.
        file: &'a str,
        /// What it is.
        found: InTheWay,
    },
    /// A file is larger than what is read.
    TooLarge {
        /// The file.
        file: &'a str,
        /// What is read at most, formatted.
        most: &'a str,
    },
    /// A document of another shape.
    WrongSchema {
        /// The file.
        file: &'a str,
        /// The schema found.
        found: &'a str,
        /// The schema that can be read.
        expected: &'a str,
    },
    /// A capture is damaged.
    Corrupt {
        /// The file.
        file: &'a str,
        /// What is wrong.
        what: &'a str,
        /// Bytes read, formatted.
        kept: &'a str,
        /// Bytes of the file, formatted.
        size: &'a str,
    },
    /// A capture holds what this version does not know.
    UnknownItems {
        /// The file.
        file: &'a str,
        /// How many, of which kinds.
        items: &'a str,
    },
    /// A selector matched nothing in a capture.
    NotInCapture {
        /// The file.
        file: &'a str,
        /// Each of them, and why.
        absent: &'a [Absent],
    },
    /// The recording ended before the watch.
    RecordingStopped {
        /// Why.
        error: &'a str,
    },
    /// A recording does not go where something else is.
    NotReplaced {
        /// The file.
        file: &'a str,
        /// What is there.
        found: InTheWay,
    },
    /// Nobody reads the output any more.
    StdoutClosed,
    /// The output cannot be written.
    OutputFailed {
        /// Where it goes.
        to: &'a str,
        /// What came back.
        error: &'a str,
    },
    /// The kernel refused a program.
    LoadFailed {
        /// The program.
        program: &'a str,
        /// What came back.
        error: &'a str,
    },
    /// A program cannot be attached.
    AttachFailed {
        /// The program.
        program: &'a str,
        /// The hook.
        hook: &'a str,
        /// What came back.
        error: &'a str,
    },
    /// The doctor found that nothing can be measured.
    NothingToMeasure,
    /// An option's value makes no sense.
    BadValue {
        /// The option.
        option: &'a str,
        /// The value given.
        value: &'a str,
        /// What it should be.
        expected: &'a str,
    },
}

/// What is where a capture was to go, and stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InTheWay {
    /// A symbolic link.
    Link,
    /// A folder.
    Folder,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device.
    Device,
    /// A file of proc, sysfs and their like.
    OfKernel,
    /// A file that is no capture.
    Other,
    /// A capture that is being recorded.
    Busy,
}

/// A problem in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// What failed and what was found, in one line.
    pub what: String,
    /// What to do, in one line. `None` when there is nothing to do.
    pub hint: Option<String>,
}

/// A problem in words.
pub fn explain(lang: Lang, problem: &Problem<'_>) -> Explained {
    match lang {
        Lang::En => Explained { what: what(problem), hint: hint(problem) },
    }
}

fn what(problem: &Problem<'_>) -> String {
    match problem {
        Problem::NotPermitted { uid, missing: "" } => {
            format!("not permitted to load BPF programs (uid {uid})")
        }
        Problem::NotPermitted { uid, missing } => {
            format!("not permitted to load BPF programs: uid {uid} lacks {missing}")
        }
        Problem::NoBtf { path, error } => {
            format!("the kernel's type information is not there: {path}: {error}")
        }
        Problem::TracefsNotMounted { looked } => {
            format!("tracepoint formats cannot be read: no tracefs at {looked}")
        }
        Problem::TracefsNotPermitted { looked } => {
            format!("tracepoint formats cannot be read: not permitted to read {looked}")
        }
        Problem::Unsupported { missing, kernel } => {
            format!("kernel {kernel} has no {missing}")
        }
        Problem::TargetNotFound { absent } => format!("target not found: {}", not_found(absent)),
        Problem::NeverCame { absent: [] } => {
            "target not found: nothing that looks like etcd ran while watching".to_owned()
        }
        Problem::NeverCame { absent } => {
            format!("target not found in the whole watch: {}", not_found(absent))
        }
        Problem::FewDescriptors { limit } => {
            format!("too few open files are allowed: the limit is {limit} (ulimit -Hn)")
        }
        Problem::NoEtcd => "no target given, and no process here looks like etcd".to_owned(),
        Problem::TargetExited { selector } => format!("target exited: {selector}; watching on"),
        Problem::Truncated { file, kept, size } => {
            format!("{file} is truncated: {kept} of {size} are whole blocks and were read")
        }
        Problem::Corrupt { file, what, kept, size } => {
            format!("{file} is corrupt ({what}): {kept} of {size} are whole blocks and were read")
        }
        Problem::UnknownItems { file, items } => {
            format!(
                "{file} holds items that this version does not know; they were left out: {items}"
            )
        }
        Problem::NoBriefForm => {
            "--brief is for text and JSON; this output has no short form".to_owned()
        }
        Problem::NotInCapture { file, absent } => {
            format!("target not found in {file}: {}", not_found(absent))
        }
        Problem::RecordingStopped { error } => {
            format!("recording stopped: {error}; watching on")
        }
        Problem::NotReplaced { file, found } => {
            format!("cannot record into {file}: it is {}", in_the_way(*found))
        }
        Problem::NotReadable { file, error } => format!("cannot read {file}: {error}"),
        Problem::NoFile { file, found } => {
            format!("cannot read {file}: it is {}", in_the_way(*found))
        }
        Problem::TooLarge { file, most } => {
            format!("cannot read {file}: it is larger than {most}")
        }
        Problem::WrongSchema { file, found, expected } => {
            format!("{file} is a {found} document; this version reads {expected}")
        }
        Problem::StdoutClosed => "stdout was closed before the report was written".to_owned(),
        Problem::OutputFailed { to, error } => format!("cannot write to {to}: {error}"),
        Problem::LoadFailed { program, error } => {
            format!("the kernel refused program {program}: {error}")
        }
        Problem::AttachFailed { program, hook, error } => {
            format!("cannot attach {program} to {hook}: {error}")
        }
        Problem::NothingToMeasure => "nothing can be measured here: see the problems".to_owned(),
        Problem::BadValue { option, value, expected } => {
            format!("{option} {value}: expected {expected}")
        }
    }
}

fn in_the_way(found: InTheWay) -> &'static str {
    match found {
        InTheWay::Link => "a symbolic link, which is not followed",
        InTheWay::Folder => "a folder",
        InTheWay::Fifo => "a FIFO",
        InTheWay::Socket => "a socket",
        InTheWay::Device => "a device",
        InTheWay::OfKernel => "a file of the kernel's",
        InTheWay::Other => "not a capture, and is not overwritten",
        InTheWay::Busy => "being recorded by another watch",
    }
}

/// Selectors that found nobody, and why.
fn not_found(absent: &[Absent]) -> String {
    let one = |absent: &Absent| {
        let selector = &absent.selector;
        match absent.why {
            Why::NoProcess => selector.clone(),
            Why::NoCgroup => format!("{selector} (there is no such cgroup)"),
            Why::EmptyCgroup => {
                format!("{selector} (the cgroup is there, no process is in it or below it)")
            }
            Why::NoUnit => format!("{selector} (no process is in such a unit)"),
        }
    };
    absent.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Selectors that would have found somebody; `None` when none is near.
fn near(absent: &[Absent]) -> Option<String> {
    let (names, others): (Vec<&Absent>, Vec<&Absent>) =
        absent.iter().partition(|one| one.selector.starts_with("--pid-of "));
    let listed = |all: &[&Absent], between| {
        let near: Vec<&str> = all.iter().flat_map(|one| &one.near).map(String::as_str).collect();
        (!near.is_empty()).then(|| near.join(between))
    };
    let mean = listed(&names, " or ").map(|names| format!("did you mean {names}?"));
    let near = listed(&others, ", ").map(|others| format!("near it: {others}"));
    let said: Vec<String> = mean.into_iter().chain(near).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// What to do about selectors that found nobody on this host.
fn near_or_wait(absent: &[Absent]) -> String {
    let wait = "add --wait to wait until it starts";
    near(absent)
        .map_or_else(|| format!("{wait}, or name it by --pid"), |near| format!("{near}; or {wait}"))
}

/// What to do about selectors that found nobody in a recording.
fn near_or_recorded(absent: &[Absent]) -> String {
    near(absent).unwrap_or_else(|| {
        "without a target the report is about those that were recorded".to_owned()
    })
}

fn hint(problem: &Problem<'_>) -> Option<String> {
    let hint = match problem {
        Problem::NotPermitted { uid: 0, .. } => {
            "in a container, run it privileged and in the host's pid namespace; on a host with \
             kernel lockdown, lower it to integrity"
        }
        Problem::NotPermitted { .. } => {
            "run it as root, or with CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH and CAP_SYSLOG"
        }
        Problem::NoBtf { .. } => {
            "use a kernel built with CONFIG_DEBUG_INFO_BTF; distributions' kernels since 5.10 are"
        }
        Problem::TracefsNotMounted { .. } => {
            "mount it: mount -t tracefs tracefs /sys/kernel/tracing"
        }
        Problem::TracefsNotPermitted { .. } => "run it as root, or with CAP_DAC_READ_SEARCH",
        Problem::Unsupported { .. } | Problem::LoadFailed { .. } | Problem::AttachFailed { .. } => {
            "the README says which kernels it needs; a refusal by one of those is worth a bug report"
        }
        Problem::TargetNotFound { absent } => return Some(near_or_wait(absent)),
        Problem::NeverCame { absent } => {
            let longer = "watch longer: --duration counts the waiting too";
            let near = near(absent).map(|near| format!("{near}; or {longer}"));
            return Some(near.unwrap_or_else(|| longer.to_owned()));
        }
        Problem::FewDescriptors { .. } => {
            "allow 1024: ulimit -Hn 1024 as root, or LimitNOFILE=1024 in the unit that starts it"
        }
        Problem::NoEtcd => {
            "name a target: --pid-of NAME, --unit NAME, --cgroup PATH or --pid N; add --wait to wait until it starts"
        }
        Problem::Truncated { .. } => {
            "the recording was cut off; what was read is complete up to that point"
        }
        Problem::Corrupt { .. } => {
            "what was read is complete up to that point; copy the file again if it was copied"
        }
        Problem::NotInCapture { absent, .. } => return Some(near_or_recorded(absent)),
        Problem::NotReplaced { .. } => {
            "name a file that is not there yet, or an older capture, which is replaced"
        }
        Problem::NoBriefForm => "leave --brief out, or add -o json",
        Problem::RecordingStopped { .. } => "the file is readable up to its last whole block",
        Problem::WrongSchema { .. } | Problem::UnknownItems { .. } => {
            "read it with the version that wrote it"
        }
        Problem::NoFile { found: InTheWay::Fifo, .. } => {
            "store what comes through it in a file, and name that"
        }
        Problem::TargetExited { .. }
        | Problem::NoFile { .. }
        | Problem::TooLarge { .. }
        | Problem::NotReadable { .. }
        | Problem::StdoutClosed
        | Problem::OutputFailed { .. }
        | Problem::NothingToMeasure
        | Problem::BadValue { .. } => return None,
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Lang, Problem, explain};

    #[test]
    fn an_error_names_what_was_found_and_what_to_do() {
        let problem = Problem::NotPermitted { uid: 1000, missing: "CAP_BPF" };
        let explained = explain(Lang::En, &problem);
        assert!(explained.what.contains("1000") && explained.what.contains("CAP_BPF"));
        assert!(explained.hint.is_some_and(|hint| hint.contains("root")));
    }

    #[test]
    fn a_cut_capture_is_called_truncated() {
        let problem = Problem::Truncated { file: "a.ioc", kept: "1.00 MiB", size: "1.20 MiB" };
        assert!(explain(Lang::En, &problem).what.contains("truncated"));
    }
}
