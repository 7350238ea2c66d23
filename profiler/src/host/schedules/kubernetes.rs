//! CronJobs among static manifests, and the configuration of k3s and rke2 servers.

use iocontend_core::schedule::{Distribution, Kind, distribution, manifest};

use super::files::{Files, ends_in};
use super::progress::Progress;
use super::zone;

const MANIFESTS: [&str; 4] = [
    "/etc/kubernetes/manifests",
    "/etc/kubernetes/addons",
    "/var/lib/rancher/k3s/server/manifests",
    "/var/lib/rancher/rke2/server/manifests",
];

pub(super) fn read(files: &Files<'_>, progress: &Progress) {
    let zone = |name: &str| zone::named(files, name);
    for folder in MANIFESTS {
        for (name, path) in files.files(folder) {
            let is_manifest = ends_in(&name, &[".yaml", ".yml", ".json"]);
            if !is_manifest || name.starts_with('.') {
                continue;
            }
            let Some(text) = files.text(&path) else { continue };
            let (entries, problems) = manifest(&path, &text, &zone);
            progress.add(entries, problems);
        }
    }
    for (kind, name) in [(Kind::K3s, "k3s"), (Kind::Rke2, "rke2")] {
        let etcd = format!("/var/lib/rancher/{name}/server/db/etcd");
        let etcd = files.is_there(&etcd).then_some(etcd);
        let folder = format!("/etc/rancher/{name}");
        let more = files.files(&format!("{folder}/config.yaml.d")).into_iter();
        let more = more.filter(|(name, _)| ends_in(name, &[".yaml", ".yml"]));
        let paths =
            std::iter::once(format!("{folder}/config.yaml")).chain(more.map(|(_, path)| path));
        let configs: Vec<(String, String)> =
            paths.filter_map(|path| files.text(&path).map(|text| (path, text))).collect();
        let server = Distribution { kind, configs: &configs, etcd: etcd.as_deref() };
        let (entry, problems) = distribution(&server, &zone);
        progress.add(entry.into_iter().collect(), problems);
    }
}
