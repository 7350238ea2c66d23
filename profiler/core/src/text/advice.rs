//! Advice in words: what to do, why or why not, what may go wrong. Numbers arrive formatted.
#![expect(
    missing_docs,
    reason = "the fields of a sentence are the formatted values that its text shows"
)]

use super::Lang;

/// An action in one sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Lower IO priority of a process.
    Ionice { who: &'a str },
    /// A ceiling for a cgroup's bytes.
    IoMax { who: &'a str, reads: Option<&'a str>, writes: Option<&'a str>, disk: &'a str },
    /// A ceiling, where no value is proposed.
    IoMaxOf { who: &'a str },
    /// A small share for a cgroup.
    IoWeight { who: &'a str, weight: &'a str, file: &'a str },
    /// A small share, where no value is proposed.
    IoWeightOf { who: &'a str },
    /// A latency goal for the victim.
    IoLatency { victim: &'a str, target: &'a str, disk: &'a str },
    /// A priority class for all IO of a cgroup.
    IoPrioClass { who: &'a str },
    /// Another scheduler.
    Scheduler { disk: &'a str, to: &'a str },
    /// Fewer dirty pages on the host.
    DirtyLimit { bytes: &'a str },
    /// Fewer dirty pages of a cgroup.
    MemoryHigh { who: &'a str, bytes: &'a str },
    /// Slower at the source.
    Pace { who: &'a str, rate: &'a str, how: &'a str },
    /// A pipe through a rate limiter that cannot work.
    PacePipe,
    /// Past the page cache.
    DirectIo { who: &'a str },
    /// The backup goes elsewhere.
    MoveOutput { who: &'a str, disk: &'a str },
    /// The audit log goes elsewhere.
    MoveAuditLog { who: &'a str, disk: &'a str },
    /// The WAL goes elsewhere.
    MoveWal { victim: &'a str, disk: &'a str },
    /// A disk of its own.
    SeparateDisk { victim: &'a str, disk: &'a str },
    /// Not all at once.
    Stagger { who: &'a str },
    /// On another member.
    Follower,
    /// The db stays in memory.
    EtcdFlags { victim: &'a str },
    /// Nothing.
    LimitsUnchanged,
}

/// The action in words.
pub fn action(lang: Lang, action: &Action<'_>) -> String {
    let Lang::En = lang;
    match *action {
        Action::Ionice { who } => format!("ionice: give {who} the idle IO priority"),
        Action::IoMax { who, reads, writes, disk } => {
            let all: Vec<String> = [("reads", reads), ("writes", writes)]
                .into_iter()
                .filter_map(|(what, rate)| Some(format!("{what} to {}/s", rate?)))
                .collect();
            format!("io.max: hold the {} of {who} on {disk}", all.join(" and its "))
        }
        Action::IoMaxOf { who } => format!("io.max: a ceiling for the bytes of {who}"),
        Action::IoWeight { who, weight, file } => format!("{file}: weight {weight} for {who}"),
        Action::IoWeightOf { who } => format!("io.weight: a small share for {who}"),
        Action::IoLatency { victim, target, disk } => {
            format!("io.latency: a goal of {target} per request of {victim} on {disk}")
        }
        Action::IoPrioClass { who } => format!("io.prio.class: idle for all IO of {who}"),
        Action::Scheduler { disk, to } => format!("scheduler: {to} for {disk}"),
        Action::DirtyLimit { bytes } => {
            format!("vm.dirty_bytes: at most {bytes} of dirty pages on this host")
        }
        Action::MemoryHigh { who, bytes } => {
            format!("memory.high: {bytes} for {who}, so that few of its pages are dirty")
        }
        Action::Pace { who, rate, how } => format!("pace {who} at {rate}/s: {how}"),
        Action::PacePipe => "etcdctl snapshot save /dev/stdout | pv -L".to_owned(),
        Action::DirectIo { who } => {
            format!("let {who} write past the page cache in small pieces: oflag=direct bs=64K")
        }
        Action::MoveOutput { who, disk } => {
            format!("let {who} write its output to another disk than {disk}, or to another host")
        }
        Action::MoveAuditLog { who, disk } => {
            format!("move the audit log of {who} to another disk than {disk}")
        }
        Action::MoveWal { victim, disk } => {
            format!("move the WAL of {victim} from {disk} to a disk of its own (--wal-dir)")
        }
        Action::SeparateDisk { victim, disk } => {
            format!("give {victim} a disk of its own, or move the others from {disk}")
        }
        Action::Stagger { who } => format!("do not run them at the same time: {who}"),
        Action::Follower => {
            "take the snapshot from a follower, after asking how fresh it is".to_owned()
        }
        Action::EtcdFlags { victim } => {
            format!(
                "lock the database of {victim} in memory (--experimental-memory-mlock in etcd 3.5, --memory-mlock since 3.6)"
            )
        }
        Action::LimitsUnchanged => "leave the limits as they are".to_owned(),
    }
}

/// Why, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why<'a> {
    /// This scheduler knows no priorities.
    NoPriorities { scheduler: &'a str, disk: &'a str },
    /// The scheduler's priorities may starve, or may not exist.
    OldDeadline { disk: &'a str },
    /// Its pages are written by kernel threads.
    WrittenByOthers { who: &'a str },
    /// The client does neither the reads nor most writes.
    ClientOnly { who: &'a str },
    /// The wait arises behind the scheduler.
    BehindScheduler { disk: &'a str },
    /// The wait arises in the scheduler's queue.
    InQueue { share: &'a str, disk: &'a str },
    /// It is low already.
    AlreadyIdle { who: &'a str },
    /// Which scheduler is not known.
    SchedulerUnknown { disk: &'a str },
    /// Writes that share the victim's journal.
    JournalShared { who: &'a str, place: &'a str },
    /// Writeback that is charged elsewhere.
    WritebackElsewhere { who: &'a str },
    /// Version 1 and buffered writes.
    V1Writeback { who: &'a str },
    /// Version 1 for IO.
    V1Io,
    /// No controller of this name.
    NoController { name: &'a str },
    /// In the root cgroup.
    RootCgroup { who: &'a str },
    /// In the victim's cgroup.
    WithVictim { who: &'a str, victim: &'a str },
    /// The cgroup is gone.
    Gone { who: &'a str },
    /// A parent does not pass the controller on.
    NotPassedOn { parent: &'a str },
    /// The kernel has no such file.
    NoFile { file: &'a str },
    /// Nothing is known of its cgroup.
    PlaceUnknown { who: &'a str },
    /// It does less than the ceiling already.
    BelowCeiling { who: &'a str, rate: &'a str },
    /// It would help too little.
    NotWorth { what: &'a str, before: &'a str, after: &'a str },
    /// Its bytes take the victim's place in the device.
    TakesDevice { who: &'a str, share: &'a str, rate: &'a str, capability: &'a str },
    /// Weights need iocost or BFQ.
    NoWeights { disk: &'a str, scheduler: &'a str },
    /// iocost is on.
    Iocost { disk: &'a str },
    /// Peers are held back for the victim.
    HoldsPeers,
    /// Kernel threads' writes too.
    CoversWriteback { who: &'a str },
    /// A backlog of dirty pages stands before the victim's commits.
    Backlog { who: &'a str, share: &'a str },
    /// The limit is that low already.
    LimitIsLow { bytes: &'a str },
    /// Its own memory is more than that.
    CgroupShared { who: &'a str },
    /// The client renames.
    PipeRenames,
    /// It has an option for that.
    HasOption { who: &'a str, share: &'a str },
    /// dd can.
    DdCan { who: &'a str, share: &'a str },
    /// Writes go where etcd's log is.
    OutputBeside { who: &'a str, share: &'a str },
    /// Audit logging blocks and writes.
    AuditBeside { share: &'a str },
    /// Shares of disk.
    SharesDisk { share: &'a str, others: &'a str },
    /// They overlap.
    Overlap { count: &'a str },
    /// Another member has time.
    FollowerHasTime { share: &'a str },
    /// There is only one member.
    SingleMember,
    /// The db is read from disk.
    DbFaults { share: &'a str },
    /// Nobody makes it wait.
    NobodyToBlame { p99: &'a str },
}

/// The reason in words.
#[expect(clippy::too_many_lines, reason = "a catalogue of sentences")]
pub fn why(lang: Lang, why: &Why<'_>) -> String {
    let Lang::En = lang;
    match *why {
        Why::NoPriorities { scheduler, disk } => {
            format!("{disk} has the scheduler {scheduler}, which ignores IO priorities")
        }
        Why::OldDeadline { disk } => format!(
            "mq-deadline of {disk} has no prio_aging_expire: this kernel's either ignores priorities or lets the idle class starve"
        ),
        Why::WrittenByOthers { who } => format!(
            "{who} writes through the page cache: kernel threads and syncs issue these writes, with a priority of their own"
        ),
        Why::ClientOnly { who } => format!(
            "{who} is only the client: etcd itself reads the database, and kernel threads write what the client left dirty"
        ),
        Why::BehindScheduler { disk } => format!(
            "most of the wait arises in {disk} itself or in the journal, behind the scheduler, where no priority or weight reorders anything"
        ),
        Why::InQueue { share, disk } => {
            format!("{share} of the wait arises in the queue before {disk}, where the scheduler chooses")
        }
        Why::AlreadyIdle { who } => format!("all threads of {who} have the idle priority already"),
        Why::SchedulerUnknown { disk } => format!("the scheduler of {disk} is not known"),
        Why::JournalShared { who, place } => format!(
            "{who} writes through the page cache into {place}, whose journal the victim's syncs wait for: a commit would wait for held-back pages, and the victim for the commit"
        ),
        Why::WritebackElsewhere { who } => format!(
            "{who} writes through the page cache: writeback is charged to a cgroup only where both controllers, io and memory, are on for it"
        ),
        Why::V1Writeback { who } => format!(
            "IO is accounted by cgroup version 1, which charges pages written back to the root: what {who} writes through the page cache cannot be limited"
        ),
        Why::V1Io => "IO is accounted by cgroup version 1, which has no such file; its blkio.throttle holds only reads and direct writes".to_owned(),
        Why::NoController { name } => format!("no hierarchy of version 2 has the controller {name}"),
        Why::RootCgroup { who } => format!(
            "{who} is in the root cgroup, which has no limits: start it in a unit of its own (systemd-run --scope)"
        ),
        Why::WithVictim { who, victim } => format!(
            "{who} is in the cgroup of {victim}: a limit would hold back both; start it elsewhere (systemd-run --scope, a pod of its own)"
        ),
        Why::Gone { who } => format!(
            "the cgroup of {who} went away with it: the limit has to be there when it starts (a unit, a runtime's class)"
        ),
        Why::NotPassedOn { parent } => {
            format!("{parent} does not pass the controller on (cgroup.subtree_control)")
        }
        Why::NoFile { file } => format!("this kernel was built without {file}"),
        Why::PlaceUnknown { who } => format!("the cgroup of {who} is not known"),
        Why::BelowCeiling { who, rate } => format!(
            "{who} does {rate}/s, less than a ceiling that leaves the disk to the victim would be: it is no matter of bytes"
        ),
        Why::NotWorth { what, before, after } => format!(
            "p99 of {what} would be {after} instead of {before}: too little to be worth a risk"
        ),
        Why::TakesDevice { who, share, rate, capability } => format!(
            "{who} causes {share} of the wait; it asks for {rate}/s of a disk that did {capability}/s while busy"
        ),
        Why::NoWeights { disk, scheduler } => format!(
            "weights need iocost, which is off for {disk}, or BFQ; it has {scheduler}: the file can be written and does nothing"
        ),
        Why::Iocost { disk } => format!("iocost is on for {disk}: weights count there with any scheduler"),
        Why::HoldsPeers => "peers without a goal, or with a higher one, are held back as long as it is missed".to_owned(),
        Why::CoversWriteback { who } => format!(
            "it follows the pages of {who} into writeback, where ionice does not"
        ),
        Why::Backlog { who, share } => format!(
            "{who} causes {share} of the wait with pages that pile up and are written at once; a small backlog keeps each burst short"
        ),
        Why::LimitIsLow { bytes } => format!("it is {bytes} already"),
        Why::CgroupShared { who } => {
            format!("other processes share the cgroup of {who}, and their memory would be held back too")
        }
        Why::PipeRenames => {
            "snapshot save writes DEST.part and renames it: with /dev/stdout there is nothing to pipe, and it fails".to_owned()
        }
        Why::HasOption { who, share } => {
            format!("{who} causes {share} of the wait and can slow itself down, whatever the kernel does with its pages")
        }
        Why::DdCan { who, share } => format!(
            "{who} causes {share} of the wait through the page cache; direct writes of 64 KiB leave nothing to pile up and no data in the journal's way"
        ),
        Why::OutputBeside { who, share } => {
            format!("{who} writes a backup to the victim's disk and causes {share} of its wait; a backup on that disk is lost with it anyway")
        }
        Why::AuditBeside { share } => {
            format!("it causes {share} of the wait; in its default mode (blocking) the API server waits for it as well")
        }
        Why::SharesDisk { share, others } => format!("{others} on the same disk: {share} of the wait"),
        Why::Overlap { count } => format!("{count} backups made it wait in this window"),
        Why::FollowerHasTime { share } => {
            format!("the backup causes {share} of the wait of the member it is taken from; a leader's wait delays every write")
        }
        Why::SingleMember => "--initial-cluster names one member: unless others joined later, there is no follower".to_owned(),
        Why::DbFaults { share } => {
            format!("{share} of its waits are page faults and reads of the database, which was pushed out of memory")
        }
        Why::NobodyToBlame { p99 } => format!(
            "nobody on this host makes it wait enough to matter (longest p99 of a sync: {p99}): a limit would cost somebody and gain nothing"
        ),
    }
}

/// What may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Risk<'a> {
    /// Only the culprit is slower.
    CulpritSlower,
    /// Others in its cgroup too.
    CgroupSlower { cgroup: &'a str },
    /// A ceiling wastes what nobody uses.
    NotConserving,
    /// Somebody rewrites it.
    Manager { who: &'a str },
    /// Lost at the end of the process.
    NotKept,
    /// The idle class may wait long.
    MayStarve,
    /// All writers of the host.
    AllWriters,
    /// It stands still in reclaim.
    ReclaimStalls,
    /// Pages may be charged to others.
    PagesOfOthers,
    /// The victim's journal waits too.
    CommitWaits,
    /// The disk as a whole.
    DiskCost,
    /// Only the member is slower for this.
    Peers,
    /// A restart.
    Restart,
    /// A restart and a move of data.
    MoveData,
    /// A backlog of pages without a sync.
    BacklogStays,
    /// Memory that nobody else has then.
    Memory,
    /// Stale data.
    Stale,
    /// Work of people.
    Plan,
    /// A stacked device.
    Stacked,
    /// None.
    None,
}

/// The risk in words.
pub fn risk(lang: Lang, risk: &Risk<'_>) -> String {
    let Lang::En = lang;
    match *risk {
        Risk::CulpritSlower => "only the culprit becomes slower".to_owned(),
        Risk::CgroupSlower { cgroup } => format!("everything in {cgroup} becomes slower, not only the culprit"),
        Risk::NotConserving => "the ceiling holds also while the victim needs nothing".to_owned(),
        Risk::Manager { who } => format!("{who} made the cgroup and forgets the value when it makes it anew"),
        Risk::NotKept => "it ends with the process".to_owned(),
        Risk::MayStarve => "beside steady IO of others it may take very long".to_owned(),
        Risk::AllWriters => "every writer of the host waits earlier for its pages, the victim too when it writes much".to_owned(),
        Risk::ReclaimStalls => "it stands still while its pages are written; it is not killed".to_owned(),
        Risk::PagesOfOthers => "it does nothing where another cgroup was the first to write these files: their pages are that one's".to_owned(),
        Risk::CommitWaits => "commits of the victim's journal wait for pages that are held back: some waits stay long".to_owned(),
        Risk::DiskCost => "the whole disk may become slower, more so when it is fast".to_owned(),
        Risk::Peers => "all others on the disk are held back as long as the goal is missed".to_owned(),
        Risk::Restart => "takes a restart of the program".to_owned(),
        Risk::MoveData => "takes a stop of the member and a move of its files".to_owned(),
        Risk::BacklogStays => "without syncs in between, pages still pile up until the kernel writes them".to_owned(),
        Risk::Memory => "as much memory as the database is large is gone for others; takes a restart and CAP_IPC_LOCK".to_owned(),
        Risk::Stale => "a follower may lag behind: compare its raft index with the leader's first".to_owned(),
        Risk::Plan => "takes planning, and nothing on this host changes until then".to_owned(),
        Risk::Stacked => "the disk is one of a stack (dm or md): the limit counts on this layer".to_owned(),
        Risk::None => "none".to_owned(),
    }
}

/// What follows from something on the list not helping.
pub fn nothing_here_helps(lang: Lang, reason: &str) -> String {
    let Lang::En = lang;
    format!("nothing that can be set on this host helps here; what is left is structural: {reason}")
}

/// The expected effect with a number.
pub fn expected(
    lang: Lang,
    what: &str,
    before: &str,
    after: &str,
    error: &str,
    slowdown: Option<&str>,
) -> String {
    let Lang::En = lang;
    let cost = match slowdown {
        None => "how much longer the culprit takes is not known".to_owned(),
        Some("1.0") => "the culprit takes no longer".to_owned(),
        Some(factor) => format!("the culprit takes {factor} times as long"),
    };
    format!(
        "p99 of {what} {after} instead of {before} (by a factor of {error} either way, if the load stays); {cost}"
    )
}

/// The expected effect without one.
pub fn expected_unknown(lang: Lang, what: &str, missing: &str) -> String {
    let Lang::En = lang;
    format!("{what} should become shorter; by how much cannot be told ({missing}): measure it")
}

/// Why there is no number.
pub fn too_few_waits(lang: Lang, count: &str) -> String {
    let Lang::En = lang;
    format!("only {count} waits were seen")
}

/// Why there is no number.
pub fn no_model(lang: Lang) -> String {
    let Lang::En = lang;
    "how the disk answers to it was not measured".to_owned()
}

/// Nothing changes.
pub fn expected_nothing(lang: Lang) -> String {
    let Lang::En = lang;
    "no change".to_owned()
}

/// How to see whether it helped.
pub fn verify(lang: Lang, what: &str) -> String {
    let Lang::En = lang;
    format!("watch again under the same load, and compare p99 of {what} and the culprit's duration")
}

/// How to see that a follower is fresh.
pub fn verify_follower(lang: Lang) -> String {
    let Lang::En = lang;
    "etcdctl endpoint status --cluster -w table: RAFT APPLIED INDEX of the follower near the leader's; afterwards etcdutl snapshot status"
        .to_owned()
}

/// What was not seen is not judged.
pub fn watch_longer(lang: Lang) -> String {
    let Lang::En = lang;
    "watch over the time of a backup: only what was seen is judged".to_owned()
}

/// A call, on files of a class or on all.
pub fn call_of(lang: Lang, call: &str, class: Option<&str>, victim: &str) -> String {
    let Lang::En = lang;
    let of = class.map_or_else(String::new, |class| format!(" of {class}"));
    format!("{call}{of} by {victim}")
}

/// How a tool slows itself down.
pub fn with_option(lang: Lang, option: &str) -> String {
    let Lang::En = lang;
    format!("{option} on its command line")
}

/// How a tool that writes to its output is slowed down.
pub fn through_pv(lang: Lang, rate: &str) -> String {
    let Lang::En = lang;
    format!("pipe its output through pv -q -L {rate}")
}

/// Who manages a pod's cgroup.
pub fn runtime(lang: Lang, is_pod: bool) -> &'static str {
    let Lang::En = lang;
    if is_pod { "the kubelet's runtime" } else { "the container runtime" }
}

/// A file system in a sentence.
pub fn filesystem(lang: Lang, fstype: &str, mount_point: &str) -> String {
    let Lang::En = lang;
    format!("the {fstype} on {mount_point}")
}

/// A file system that is not known by name.
pub fn some_filesystem(lang: Lang) -> &'static str {
    let Lang::En = lang;
    "the victim's file system"
}

/// Comments and lines of the printed forms.
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
        Form::NotAPod => "the culprit is no pod: see -o systemd or -o shell".to_owned(),
    }
}
