//! Who is one to a person, and in which order culprits stand.
//!
//! A program that is started again and again (a snapshot every minute) is one culprit, and so are the processes of a unit and of a
//! container. Owns the only rule of what belongs together, and the only order (notes 0031, 0033).

use std::collections::{BTreeMap, BTreeSet};

use crate::activity::name_of;
use crate::cgroup;
use crate::facts::{ProcessFacts, ProcessKey};
use crate::ids::Role;
use crate::report::{ActivityKind, Actor, Report};

/// What makes actors one. The order is that of names: it decides between groups that are charged alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group<'a> {
    /// Runs of one program that play one part in one place.
    Program {
        /// Its name.
        comm: &'a str,
        /// Its part.
        role: Role,
        /// Where it runs: a cgroup, or what stands for those that last no longer than a run.
        place: &'a str,
        /// The entry of the host's schedules that starts it, where it is known.
        entry: Option<&'a str>,
    },
    /// What plays one part in a systemd unit.
    Unit {
        /// Its name.
        unit: &'a str,
        /// The part.
        role: Role,
    },
    /// What plays one part in a container of a pod.
    Container {
        /// What tells the container apart: its id, else its cgroup.
        container: &'a str,
        /// Its name in the pod, where that is known.
        name: Option<&'a str>,
        /// The part.
        role: Role,
    },
    /// Somebody without a name, by id; without a part where nothing at all is known.
    Alone(&'a str, Option<Role>),
}

/// In place of a cgroup's path: a job's next pod, container or session has another one.
const POD: &str = "pod";
/// Likewise.
const CONTAINER: &str = "container";
/// Likewise.
const SESSION: &str = "session";

/// Units that start programs for others: what runs in them is not theirs. Each with the package that has it.
const LAUNCHERS: [&str; 16] = [
    // Debian's and Red Hat's cron, and others of its kind.
    "cron.service",
    "crond.service",
    "cronie.service",
    "anacron.service",
    "fcron.service",
    "atd.service",
    // Container runtimes and the kubelet, where containers share their cgroup.
    "containerd.service",
    "docker.service",
    "crio.service",
    "podman.service",
    "kubelet.service",
    // What logs people in.
    "ssh.service",
    "sshd.service",
    "systemd-logind.service",
    // systemd's own place.
    "init.scope",
    "-.slice",
];

/// Whether a unit starts programs for others as long as the host is up.
pub(crate) fn is_launcher(unit: &str) -> bool {
    LAUNCHERS.contains(&unit) || unit.starts_with("user@")
}

/// Whether a unit only launches what runs in it.
fn only_launches(unit: &str) -> bool {
    is_launcher(unit) || is_fleeting(unit)
}

/// Whether a unit lasts no longer than what was started in it: a session, or a transient unit without a name of its own
/// (`systemd-run`).
fn is_fleeting(unit: &str) -> bool {
    let is_session = unit.starts_with("session-") && unit.strip_suffix(".scope").is_some();
    is_session || unit.starts_with("run-") || unit.starts_with("sshd@") || unit.starts_with("ssh@")
}

/// Whether a unit is a container's scope, as runtimes name it: `docker-<id>.scope`.
fn is_of_container(unit: &str) -> bool {
    unit.strip_suffix(".scope").is_some() && cgroup::container_id(unit).is_some()
}

impl<'a> Group<'a> {
    /// That of an actor, by what is known of all.
    fn of(actor: &'a Actor, known: &Known<'a>) -> Self {
        let path = actor.cgroup.as_deref().unwrap_or_default();
        let is_in_pod = actor.pod.is_some() || cgroup::pod(path).is_some();
        let (unit, role) = (actor.unit.as_deref(), actor.role);
        // A backup in a pod is a job's, whose next pod is another one.
        if is_in_pod && role != Role::Backup {
            let name = actor.pod.as_ref().and_then(|pod| pod.name.as_deref());
            let id = actor.pod.as_ref().and_then(|pod| pod.container.as_deref());
            let container = cgroup::container_id(path).or(id).unwrap_or(path);
            return Self::Container { container, name, role };
        }
        let lasting = unit.filter(|unit| !is_in_pod && !only_launches(unit));
        if let Some(unit) = lasting
            && !(role == Role::Backup && is_of_container(unit))
        {
            // A backup's shell and its gzip are the backup.
            let helps = role == Role::Other && known.backups.contains(unit);
            return Self::Unit { unit, role: if helps { Role::Backup } else { role } };
        }
        let place = match unit {
            _ if is_in_pod => POD,
            Some(unit) if is_fleeting(unit) => SESSION,
            Some(unit) if is_of_container(unit) => CONTAINER,
            _ => path,
        };
        let entry = known.entries.get(actor.id.as_str()).copied();
        match actor.program() {
            Some(comm) => Self::Program { comm, role, place, entry },
            None => Self::Alone(&actor.id, Some(role)),
        }
    }

    /// Those of all of a report's actors, by id.
    pub(crate) fn of_all(report: &'a Report) -> BTreeMap<&'a str, Self> {
        let known = Known::of(report);
        report.actors.iter().map(|actor| (actor.id.as_str(), Self::of(actor, &known))).collect()
    }

    /// Its part; `None` of whom nothing is known.
    pub(crate) const fn role(self) -> Option<Role> {
        match self {
            Self::Program { role, .. } | Self::Unit { role, .. } | Self::Container { role, .. } => {
                Some(role)
            }
            Self::Alone(_, role) => role,
        }
    }

    /// Whether it is somebody: who could be named for the IO.
    pub(crate) fn is_named(self) -> bool {
        !matches!(self.role(), Some(Role::Unattributed) | None)
    }

    /// Whether it can be dealt with: the kernel's own threads cannot.
    pub(crate) fn is_within_reach(self) -> bool {
        self.is_named() && self.role() != Some(Role::Kernel)
    }

    /// Its id in a document.
    pub(crate) fn id(self) -> String {
        match self {
            Self::Program { comm, role, place, entry } => {
                let entry = entry.map(|entry| format!(":{entry}")).unwrap_or_default();
                format!("program:{comm}:{}:{place}{entry}", role.name())
            }
            Self::Unit { unit, role } => format!("unit:{unit}:{}", role.name()),
            Self::Container { container, name, role } => {
                let pod = name.map(|name| format!("{name}/")).unwrap_or_default();
                format!("container:{pod}{container}:{}", role.name())
            }
            Self::Alone(id, _) => id.to_owned(),
        }
    }
}

/// What has to be known of all actors to tell where one belongs.
struct Known<'a> {
    /// Units in which a backup runs.
    backups: BTreeSet<&'a str>,
    /// Entries of schedules that actors belong to, by their ids.
    entries: BTreeMap<&'a str, &'a str>,
}

impl<'a> Known<'a> {
    fn of(report: &'a Report) -> Self {
        let backups = report.actors.iter().filter(|actor| actor.role == Role::Backup);
        let all = report.activity.iter().flatten();
        let scheduled = all.filter(|one| one.kind == ActivityKind::Backup).filter_map(|one| {
            let source = one.schedule.as_ref()?.source.as_str();
            Some(one.actors.iter().map(move |id| (id.as_str(), source)))
        });
        Self {
            backups: backups.filter_map(|actor| actor.unit.as_deref()).collect(),
            entries: scheduled.flatten().collect(),
        }
    }
}

/// All groups of a report with their members, in the order of the report.
pub(crate) struct Groups<'a> {
    of: BTreeMap<&'a str, Group<'a>>,
    members: Vec<(Group<'a>, Vec<&'a Actor>)>,
    places: BTreeMap<Group<'a>, usize>,
}

impl<'a> Groups<'a> {
    /// Those of a report.
    pub(crate) fn of(report: &'a Report) -> Self {
        let of = Group::of_all(report);
        let mut all = Self { of, members: Vec::new(), places: BTreeMap::new() };
        for actor in &report.actors {
            let Some(group) = all.group(&actor.id) else { continue };
            let place = *all.places.entry(group).or_insert(all.members.len());
            match all.members.get_mut(place) {
                Some((_, members)) => members.push(actor),
                None => all.members.push((group, vec![actor])),
            }
        }
        all
    }

    /// That of an actor.
    pub(crate) fn group(&self, id: &str) -> Option<Group<'a>> {
        self.of.get(id).copied()
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Group<'a>, &[&'a Actor])> {
        self.members.iter().map(|(group, members)| (*group, members.as_slice()))
    }

    /// Those who belong to a group.
    pub(crate) fn members(&self, group: Group<'a>) -> &[&'a Actor] {
        let place = self.places.get(&group).and_then(|place| self.members.get(*place));
        place.map(|(_, members)| members.as_slice()).unwrap_or_default()
    }

    /// What a group is called: its unit, its pod, the command of a backup without what changes, else its program.
    pub(crate) fn name(&self, group: Group<'a>) -> String {
        let first = self.members(group).first();
        let program = || first.and_then(|actor| actor.comm.clone()).unwrap_or_default();
        match group {
            Group::Unit { unit, .. } => unit.to_owned(),
            Group::Container { name: Some(name), .. } => name.to_owned(),
            Group::Container { name: None, .. } => program(),
            Group::Program { role: Role::Backup, comm, .. } => {
                first.and_then(|actor| command(actor)).unwrap_or_else(|| comm.to_owned())
            }
            Group::Program { comm, .. } => comm.to_owned(),
            Group::Alone(id, _) => id.to_owned(),
        }
    }

    /// Whether its processes are runs, one after the other, and not beside each other.
    pub(crate) fn has_runs(&self, group: Group<'a>) -> bool {
        matches!(group, Group::Program { .. })
            && self.members(group).iter().any(|actor| actor.exited)
    }
}

/// The program and the words of its command that do not change.
fn command(actor: &Actor) -> Option<String> {
    let argv = actor.argv.as_ref().filter(|argv| !argv.is_empty())?;
    let key = ProcessKey { pid: actor.pid.unwrap_or(0), start_ticks: 0 };
    let mut process = ProcessFacts::named(key, actor.comm.as_deref().unwrap_or_default());
    process.argv.clone_from(argv);
    Some(name_of(&process)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Activity, Pod, Scheduled, sample};

    fn actor(pid: u32, comm: &str, role: Role, cgroup: &str) -> Actor {
        Actor {
            id: format!("{pid}@1"),
            pid: Some(pid),
            comm: Some(comm.into()),
            role,
            unit: cgroup::unit(cgroup).map(str::to_owned),
            cgroup: Some(cgroup.into()),
            ..Actor::default()
        }
    }

    /// How many groups these are, and the name of the first.
    fn groups(actors: Vec<Actor>) -> (usize, String) {
        let mut report = sample::report();
        report.actors = actors;
        let groups = Groups::of(&report);
        let first = groups.all().next().map(|(group, _)| groups.name(group));
        (groups.all().count(), first.unwrap())
    }

    const CRON: &str = "/system.slice/cron.service";

    /// Property: what one launcher starts is not one.
    #[test]
    fn a_backup_and_logrotate_under_cron_are_two() {
        let backup = actor(1, "etcdctl", Role::Backup, CRON);
        assert_eq!(groups(vec![backup, actor(2, "logrotate", Role::Other, CRON)]).0, 2);
        let of = |session: u32, comm: &str| {
            actor(
                session,
                comm,
                Role::Other,
                &format!("/user.slice/user-0.slice/session-{session}.scope"),
            )
        };
        assert_eq!(groups(vec![of(1, "tar"), of(2, "tar"), of(3, "find")]).0, 2, "sessions");
    }

    /// Property: runs of one command are one, with the name that does not change; of two entries they are two.
    #[test]
    fn thirteen_saves_are_one() {
        let save = |pid: u32| {
            let file = format!("/backup/{pid}.db");
            let argv = ["etcdctl", "snapshot", "save", &file].map(str::to_owned).to_vec();
            Actor { argv: Some(argv), exited: true, ..actor(pid, "etcdctl", Role::Backup, CRON) }
        };
        let saves: Vec<Actor> = (1..=13).map(save).collect();
        let mut report = sample::report();
        report.actors = saves;
        let groups = Groups::of(&report);
        let all: Vec<_> = groups.all().collect();
        assert_eq!((all.len(), all[0].1.len(), groups.has_runs(all[0].0)), (1, 13, true));
        assert_eq!(groups.name(all[0].0), "etcdctl snapshot save");
        let entry = |source: &str, id: &str| Activity {
            actors: vec![id.into()],
            schedule: Some(Scheduled { source: source.into(), ..Scheduled::default() }),
            ..Activity::default()
        };
        report.activity =
            Some(vec![entry("/etc/crontab:1", "1@1"), entry("/etc/crontab:2", "2@1")]);
        report.actors.truncate(2);
        assert_eq!(Groups::of(&report).all().count(), 2);
    }

    /// Property: containers of a pod are apart; the next pod of a job is the same job.
    #[test]
    fn two_containers_in_a_pod_are_two() {
        let pod = "/kubepods/burstable/pod1d0d0a2c-6b0a-4a5a-9a53-0f0e5f3f7a11";
        let path = |container: char| format!("{pod}/{}", container.to_string().repeat(64));
        let of = |pid, role, container| actor(pid, "x", role, &path(container));
        assert_eq!(groups(vec![of(1, Role::Other, 'a'), of(2, Role::Other, 'b')]).0, 2);
        assert_eq!(groups(vec![of(1, Role::Other, 'a'), of(2, Role::Other, 'a')]).0, 1);
        assert_eq!(groups(vec![of(1, Role::Backup, 'a'), of(2, Role::Backup, 'b')]).0, 1);
        let mut named = of(1, Role::Other, 'a');
        named.pod = Some(Pod { name: Some("audit-0".into()), ..Pod::default() });
        assert_eq!(groups(vec![named]), (1, "audit-0".into()));
    }

    /// Property: a unit is one, whatever it starts; what helps a backup in it is the backup, and its server is not.
    #[test]
    fn a_unit_with_many_processes_is_one() {
        let unit = "/system.slice/backup.service";
        let of = |pid, comm, role| actor(pid, comm, role, unit);
        let all = vec![
            of(1, "sh", Role::Other),
            of(2, "etcdctl", Role::Backup),
            of(3, "gzip", Role::Other),
        ];
        assert_eq!(groups(all.clone()), (1, "backup.service".into()));
        let with_server = [all, vec![of(4, "etcd", Role::Etcd)]].concat();
        assert_eq!(groups(with_server).0, 2);
    }

    /// Property: two groups have two ids.
    #[test]
    fn ids_tell_groups_apart() {
        let report = sample::report();
        let groups = Groups::of(&report);
        let ids: BTreeSet<String> = groups.all().map(|(group, _)| group.id()).collect();
        assert_eq!(ids.len(), groups.all().count());
        assert_eq!(
            groups.all().map(|(_, members)| members.len()).sum::<usize>(),
            report.actors.len()
        );
    }
}
