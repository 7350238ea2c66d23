//! Advice in words: what to do, why or why not, what may go wrong.

use super::names::{Names, percent};
use super::{Lang, newer};
use crate::report::{Action, Advice, Effect, Expected, Newer, Risk, Verify, Waits, Why};
use crate::style::Style;
use crate::units;

/// A time for people.
fn time(ns: u64) -> String {
    units::duration(ns, &Style::default())
}

/// The action in words.
pub fn action(names: &Names<'_>, action: &Action) -> String {
    let Lang::En = names.lang;
    let who = |id: &String| names.short(id);
    match action {
        Action::Ionice { actor } => format!("ionice: give {} the idle IO priority", who(actor)),
        Action::IoMax { actor, read_bytes_per_s, write_bytes_per_s, device } => {
            let all: Vec<String> = [("reads", read_bytes_per_s), ("writes", write_bytes_per_s)]
                .into_iter()
                .filter_map(|(what, rate)| Some(format!("{what} to {}/s", units::bytes((*rate)?))))
                .collect();
            format!("io.max: hold the {} of {} on {device}", all.join(" and its "), who(actor))
        }
        Action::SomeIoMax { actor } => format!("io.max: a ceiling for the bytes of {}", who(actor)),
        Action::IoWeight { actor, weight, file } => {
            format!("{file}: weight {weight} for {}", who(actor))
        }
        Action::SomeIoWeight { actor } => format!("io.weight: a small share for {}", who(actor)),
        Action::IoLatency { victim, target_ns, device } => format!(
            "io.latency: a goal of {} per request of {} on {device}",
            time(*target_ns),
            who(victim)
        ),
        Action::IoPrioClass { actor } => {
            format!("io.prio.class: idle for all IO of {}", who(actor))
        }
        Action::Scheduler { device, scheduler } => format!("scheduler: {scheduler} for {device}"),
        Action::DirtyLimit { bytes } => {
            format!("vm.dirty_bytes: at most {} of dirty pages on this host", units::bytes(*bytes))
        }
        Action::MemoryHigh { actor, bytes } => format!(
            "memory.high: {} for {}, so that few of its pages are dirty",
            units::bytes(*bytes),
            who(actor)
        ),
        Action::PaceByOption { actor, bytes_per_s, option } => format!(
            "pace {} at {}/s: {option} on its command line",
            who(actor),
            units::bytes(*bytes_per_s)
        ),
        Action::PaceByPv { actor, bytes_per_s } => format!(
            "pace {} at {}/s: pipe its output through pv -q -L {}K",
            who(actor),
            units::bytes(*bytes_per_s),
            (bytes_per_s >> 10).max(1)
        ),
        Action::PacePipe => "etcdctl snapshot save /dev/stdout | pv -L".to_owned(),
        Action::DirectIo { actor } => {
            format!("let {} write with direct IO in small pieces: oflag=direct bs=64K", who(actor))
        }
        Action::MoveOutput { actor, device } => format!(
            "let {} write its output to another disk than {device}, or to another host",
            who(actor)
        ),
        Action::MoveAuditLog { actor, device } => {
            format!("move the audit log of {} to another disk than {device}", who(actor))
        }
        Action::MoveWal { victim, device } => format!(
            "move the WAL of {} from {device} to a disk of its own (--wal-dir)",
            who(victim)
        ),
        Action::SeparateDisk { victim, device } => {
            format!("give {} a disk of its own, or move the others from {device}", who(victim))
        }
        Action::Stagger { programs } => {
            format!("do not run them at the same time: {}", programs.join(", "))
        }
        Action::Follower => {
            "take the snapshot from a follower, after asking how fresh it is".to_owned()
        }
        Action::MemoryMlock { victim } => format!(
            "lock the database of {} in memory (--experimental-memory-mlock in etcd 3.5, --memory-mlock since 3.6)",
            who(victim)
        ),
        Action::LimitsUnchanged => "leave the limits as they are".to_owned(),
        Action::Newer(Newer { code }) => newer(names.lang, code),
    }
}

/// The reason in words, with what follows from nothing else helping.
pub fn reason(names: &Names<'_>, advice: &Advice) -> String {
    let Lang::En = names.lang;
    let why = why(names, &advice.reason);
    if advice.nothing_here_helps {
        format!(
            "nothing that can be set on this host helps here; what is left is structural: {why}"
        )
    } else {
        why
    }
}

/// Why an action is recommended, or refused.
#[expect(clippy::too_many_lines, reason = "a catalogue of sentences")]
fn why(names: &Names<'_>, why: &Why) -> String {
    let Lang::En = names.lang;
    let who = |id: &String| names.short(id);
    match why {
        Why::NoPriorities { scheduler, device: disk } => {
            format!("{disk} has the scheduler {scheduler}, which ignores IO priorities")
        }
        Why::OldDeadline { device: disk } => format!(
            "mq-deadline of {disk} has no prio_aging_expire: this kernel's either ignores priorities or lets the idle class starve"
        ),
        Why::WrittenByOthers { actor } => format!("{who} writes through the page cache: kernel threads and syncs issue these writes, with a priority of their own", who = who(actor)),
        Why::ClientOnly { actor } => format!("{who} is only the client: etcd itself reads the database, and kernel threads write what the client left dirty", who = who(actor)),
        Why::BehindScheduler { device: disk } => format!(
            "most of the wait arises in {disk} itself or in the journal, behind the scheduler, where no priority or weight reorders anything"
        ),
        Why::InQueue { share, device: disk } => {
            format!("{} of the wait arises in the queue before {disk}, where the scheduler chooses", percent(*share))
        }
        Why::AlreadyIdle { actor } => format!("all threads of {who} have the idle priority already", who = who(actor)),
        Why::SchedulerUnknown { device: disk } => format!("the scheduler of {disk} is not known"),
        Why::JournalShared { actor, fstype, mount_point } => format!(
            "{} writes through the page cache into {}, whose journal the victim's syncs wait for: a commit would wait for held-back pages, and the victim for the commit",
            who(actor),
            fstype.as_ref().zip(mount_point.as_ref()).map_or_else(
                || "the victim's file system".to_owned(),
                |(fstype, mount)| format!("the {fstype} on {mount}"),
            )
        ),
        Why::WritebackElsewhere { actor } => format!("{who} writes through the page cache: writeback is charged to a cgroup only where both controllers, io and memory, are on for it", who = who(actor)),
        Why::V1Writeback { actor } => format!("IO is accounted by cgroup version 1, which charges pages written back to the root: what {who} writes through the page cache cannot be limited", who = who(actor)),
        Why::V1Io => "IO is accounted by cgroup version 1, which has no such file; its blkio.throttle holds only reads and direct writes".to_owned(),
        Why::NoController { controller: name } => format!("no hierarchy of version 2 has the controller {name}"),
        Why::RootCgroup { actor } => format!("{who} is in the root cgroup, which has no limits: start it in a unit of its own (systemd-run --scope)", who = who(actor)),
        Why::InLauncher { actor, unit } => format!("{who} runs in {unit}, and a limit there would hold all that it starts: run the job in a unit of its own (systemd-run --scope)", who = who(actor)),
        Why::WithVictim { actor, victim } => format!(
            "{} is in the cgroup of {}: a limit would hold back both; start it elsewhere (systemd-run --scope, a pod of its own)",
            who(actor),
            who(victim)
        ),
        Why::CgroupGone { actor } => format!("the cgroup of {who} went away with it: the limit has to be there when it starts (a unit, a runtime's class)", who = who(actor)),
        Why::NotPassedOn { parent } => {
            format!("{parent} does not pass the controller on (cgroup.subtree_control)")
        }
        Why::NoFile { file } => format!("this kernel was built without {file}"),
        Why::CgroupNotPlain { actor } => format!(
            "the name of the cgroup of {who} leads elsewhere or holds characters that are not printed as they are: iocontend makes no \
             command of it",
            who = who(actor)
        ),
        Why::CgroupUnknown { actor } => format!("the cgroup of {who} is not known", who = who(actor)),
        Why::BelowCeiling { actor, bytes_per_s } => format!(
            "{} does {}/s, less than a ceiling that leaves the disk to the victim would be: it is no matter of bytes",
            who(actor),
            units::bytes(*bytes_per_s)
        ),
        Why::NotWorth { waits, before_ns, after_ns } => format!(
            "p99 of {} would be {} instead of {}: too little to be worth a risk",
            waits_of(names, waits),
            time(*after_ns),
            time(*before_ns)
        ),
        Why::TakesDevice { actor, share, bytes_per_s, capability_bytes_per_s } => format!(
            "{} causes {} of the wait; it asks for {}/s of a disk that did {}/s while busy",
            who(actor),
            percent(*share),
            units::bytes(*bytes_per_s),
            units::bytes(*capability_bytes_per_s)
        ),
        Why::NoWeights { device: disk, scheduler } => format!(
            "weights need iocost, which is off for {disk}, or BFQ; it has {scheduler}: the file can be written and does nothing"
        ),
        Why::IocostOn { device: disk } => format!("iocost is on for {disk}: weights count there with any scheduler"),
        Why::HoldsPeers => "peers without a goal, or with a higher one, are throttled as long as it is missed".to_owned(),
        Why::CoversWriteback { actor } => format!("it follows the pages of {who} into writeback, where ionice does not", who = who(actor)),
        Why::Backlog { actor, share } => format!("{who} causes {share} of the wait with pages that pile up and are written at once; a small backlog keeps each burst short", who = who(actor), share = percent(*share)),
        Why::LimitIsLow { bytes } => format!("it is {} already", units::bytes(*bytes)),
        Why::CgroupShared { actor } => format!("other processes share the cgroup of {who}, and their memory would be limited too", who = who(actor)),
        Why::PipeRenames => {
            "snapshot save writes DEST.part and renames it: with /dev/stdout there is nothing to pipe, and it fails".to_owned()
        }
        Why::HasOption { actor, share } => format!("{who} causes {share} of the wait and can slow itself down, whatever the kernel does with its pages", who = who(actor), share = percent(*share)),
        Why::CanWriteDirect { actor, share } => format!("{who} causes {share} of the wait through the page cache; direct writes of 64 KiB leave nothing to pile up and no data in the journal's way", who = who(actor), share = percent(*share)),
        Why::OutputBeside { actor, share } => format!("{who} writes a backup to the victim's disk and causes {share} of its wait; a backup on that disk is lost with it anyway", who = who(actor), share = percent(*share)),
        Why::AuditBeside { share } => {
            format!("it causes {} of the wait; in its default mode (blocking) the API server waits for it as well", percent(*share))
        }
        Why::SharesDisk { actor, share } => {
            format!("{} on the same disk: {} of the wait", who(actor), percent(*share))
        }
        Why::Overlap { backups } => format!("{backups} backups made it wait in this window"),
        Why::FollowerHasTime { share } => {
            format!("the backup causes {} of the wait of the member it is taken from; a leader's wait delays every write", percent(*share))
        }
        Why::SingleMember => "--initial-cluster names one member: unless others joined later, there is no follower".to_owned(),
        Why::DbFaults { share } => {
            format!("{} of its waits are page faults and reads of the database, which was pushed out of memory", percent(*share))
        }
        Why::NobodyToBlame { p99_ns } => format!(
            "nobody on this host makes it wait enough to matter (longest p99 of a sync: {}): a limit would cost somebody and gain nothing",
            time(*p99_ns)
        ),
        Why::Newer(Newer { code }) => newer(names.lang, code),
    }
}

/// The expected effect in words.
pub fn expected(names: &Names<'_>, advice: &Advice) -> Option<String> {
    let Lang::En = names.lang;
    let unknown = |waits: &Waits, missing: &str| {
        let what = waits_of(names, waits);
        format!("{what} should become shorter; by how much cannot be told ({missing}): measure it")
    };
    Some(match advice.expected.as_ref()? {
        Expected::Effect => effect(names, advice.effect.as_ref()?),
        Expected::TooFewWaits { waits, count } => {
            unknown(waits, &format!("only {} waits were seen", units::count(*count)))
        }
        Expected::NotMeasured { waits } => {
            unknown(waits, "how the disk answers to it was not measured")
        }
        Expected::Nothing => "no change".to_owned(),
        Expected::Newer(Newer { code }) => newer(names.lang, code),
    })
}

fn effect(names: &Names<'_>, effect: &Effect) -> String {
    let Lang::En = names.lang;
    let cost = match effect.culprit_duration_factor.map(units::decimal) {
        None => "how much longer the culprit takes is not known".to_owned(),
        Some(factor) if factor == "1.0" => "the culprit takes no longer".to_owned(),
        Some(factor) => format!("the culprit takes {factor} times as long"),
    };
    let waits =
        Waits { victim: effect.victim.clone(), call: effect.call, file_class: effect.file_class };
    format!(
        "p99 of {}: {} instead of {} (by a factor of {} either way, if the load stays); {cost}",
        waits_of(names, &waits),
        time(effect.p99_expected_ns),
        time(effect.p99_before_ns),
        units::decimal(effect.error_factor),
    )
}

/// How to see whether it helped.
pub fn verify(names: &Names<'_>, verify: &Verify) -> String {
    let Lang::En = names.lang;
    match verify {
        Verify::Compare { waits } => format!(
            "watch again under the same load, and compare p99 of {} and the culprit's duration",
            waits_of(names, waits)
        ),
        Verify::FollowerFresh => {
            "etcdctl endpoint status --cluster -w table: RAFT APPLIED INDEX of the follower near the leader's; afterwards \
             etcdutl snapshot status"
                .to_owned()
        }
        Verify::WatchLonger => {
            "watch over the time of a backup: only what was seen is judged".to_owned()
        }
        Verify::Newer(Newer { code }) => newer(names.lang, code),
    }
}

/// A call on files of a class over the whole window; or on all files while the culprit was at work, which is another figure.
fn waits_of(names: &Names<'_>, waits: &Waits) -> String {
    let Lang::En = names.lang;
    let (call, victim) = (waits.call.name(), names.short(&waits.victim));
    match waits.file_class {
        Some(class) => format!("{call} of {} by {victim}", class.name()),
        None => format!("{call} by {victim} while the culprit is at work"),
    }
}

/// What may go wrong, all of it in a line; `None` without a risk.
pub fn risks(lang: Lang, risks: &[Risk]) -> Option<String> {
    let all: Vec<String> = risks.iter().map(|one| risk(lang, one)).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// The risk in words.
fn risk(lang: Lang, risk: &Risk) -> String {
    let Lang::En = lang;
    match risk {
        Risk::CulpritSlower => "only the culprit becomes slower".to_owned(),
        Risk::CgroupSlower { cgroup } => format!("everything in {cgroup} becomes slower, not only the culprit"),
        Risk::NotConserving => "the ceiling holds also while the victim needs nothing".to_owned(),
        Risk::ForgottenByRuntime { kubelet } => format!(
            "{} made the cgroup and forgets the value when it makes it anew",
            if *kubelet { "the kubelet's runtime" } else { "the container runtime" }
        ),
        Risk::ForgottenByUnit { unit } => {
            format!("{unit} made the cgroup and forgets the value when it makes it anew")
        }
        Risk::MayStarve => "beside steady IO of others it may take very long".to_owned(),
        Risk::AllWriters => "every writer of the host waits earlier for its pages, the victim too when it writes much".to_owned(),
        Risk::ReclaimStalls => "it stands still while its pages are written; it is not killed".to_owned(),
        Risk::PagesOfOthers => "it does nothing where another cgroup was the first to write these files: their pages are that one's".to_owned(),
        Risk::CommitWaits => "commits of the victim's journal wait for throttled pages: some waits stay long".to_owned(),
        Risk::DiskCost => "the whole disk may become slower, more so when it is fast".to_owned(),
        Risk::Peers => "all others on the disk are throttled as long as the goal is missed".to_owned(),
        Risk::Restart => "takes a restart of the program".to_owned(),
        Risk::MoveData => "takes a stop of the member and a move of its files".to_owned(),
        Risk::BacklogStays => "without syncs in between, pages still pile up until the kernel writes them".to_owned(),
        Risk::Memory => "as much memory as the database is large is gone for others; takes a restart and CAP_IPC_LOCK".to_owned(),
        Risk::Stale => "a follower may lag behind: compare its raft index with the leader's first".to_owned(),
        Risk::Plan => "takes planning, and nothing on this host changes until then".to_owned(),
        Risk::Stacked => "the disk is one of a stack (dm or md): the limit counts on this layer".to_owned(),
        Risk::None => "none".to_owned(),
        Risk::Newer(Newer { code }) => newer(lang, code),
    }
}

/// Comments and lines of the printed forms.
#[expect(missing_docs, reason = "the fields are the values that the text shows")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form<'a> {
    /// Head of a script.
    Head { version: &'a str },
    /// The action above its lines.
    Action(&'a str),
    /// Its reason.
    Reason(&'a str),
    /// How to take it back.
    Undo,
    /// Nothing is recommended that has this form.
    Nothing,
    /// A drop-in, by the file's name.
    DropIn(&'a str),
    /// An action that a form cannot express.
    NoForm,
    /// Classes for a container runtime.
    BlockioClasses,
    /// The annotation of a pod.
    Annotation,
    /// What Kubernetes cannot do.
    KubernetesLimits,
    /// memory.high in Kubernetes.
    KubernetesMemory,
    /// Not a pod.
    NotAPod,
    /// A command that holds what nobody could read.
    Unprintable,
}

/// The comment in words, without the comment's mark.
pub fn form(lang: Lang, form: &Form<'_>) -> String {
    let Lang::En = lang;
    match *form {
        Form::Head { version } => format!("iocontend {version}: recommended actions, best first. Take one, measure, then the next."),
        Form::Action(action) => action.to_owned(),
        Form::Reason(reason) => format!("why: {reason}"),
        Form::Undo => "to take it back:".to_owned(),
        Form::Nothing => "nothing is recommended that can be written in this form".to_owned(),
        Form::DropIn(path) => format!("to keep it over restarts, in {path}:"),
        Form::NoForm => "no command: see the action".to_owned(),
        Form::BlockioClasses => "classes for the runtime (containerd: blockio_config_file of its blockio plugin; CRI-O: blockio_config_file):".to_owned(),
        Form::Annotation => "annotation of the pod, which counts when its containers are made:".to_owned(),
        Form::KubernetesLimits => "Kubernetes has no limit for IO of its own: requests and limits know CPU and memory. What is written into a pod's cgroup is lost when the pod is made anew.".to_owned(),
        Form::KubernetesMemory => "memory.high cannot be set in a pod's specification (only through the kubelet's MemoryQoS feature); a memory limit kills instead of slowing down".to_owned(),
        Form::Unprintable => "no command: a name in it holds characters that are not printed as they are, or leads elsewhere".to_owned(),
        Form::NotAPod => "the culprit is no pod: see -o systemd or -o shell".to_owned(),
    }
}
