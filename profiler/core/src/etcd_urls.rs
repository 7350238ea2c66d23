//! Where an etcd member answers questions about its metrics.
//!
//! Owns the reading of addresses out of flags and environment; nobody is asked here.

use crate::etcd_paths::setting;
use crate::facts::ProcessFacts;
use crate::role::Program;

/// Where a member without any setting listens (etcd's `embed.DefaultListenClientURLs`).
const DEFAULT: &str = "http://localhost:2379";
/// Where the etcd inside k3s and rke2 has its metrics.
const EMBEDDED: &str = "http://127.0.0.1:2381";

/// Addresses on this host at which a member may show its metrics without a certificate, the most likely first: those of
/// `--listen-metrics-urls`, then those of `--listen-client-urls`. Only plain HTTP on the loopback interface, also where
/// the member listens on all of them; nothing else is ever asked.
pub fn metrics_urls(process: &ProcessFacts) -> Vec<String> {
    let program = Program::of(process);
    if matches!(program.name, "k3s" | "k3s-server" | "rke2") {
        return vec![EMBEDDED.to_owned()];
    }
    let given = |name| setting(process, &program, name);
    let metrics = given("listen-metrics-urls").unwrap_or_default();
    let clients = given("listen-client-urls").or_else(|| {
        // A configuration file may say anything.
        given("config-file").is_none().then(|| DEFAULT.to_owned())
    });
    let urls = metrics.split(',').chain(clients.as_deref().unwrap_or_default().split(','));
    urls.filter_map(on_loopback).collect()
}

/// The address to ask, when it is on the loopback interface and needs no certificate.
fn on_loopback(url: &str) -> Option<String> {
    let rest = url.trim().strip_prefix("http://")?.trim_end_matches('/');
    let (host, port) = rest.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    let host = match host {
        "0.0.0.0" => "127.0.0.1",
        "[::]" | "[::1]" => "[::1]",
        "localhost" => "localhost",
        _ if host.strip_prefix("127.").is_some_and(is_rest_of_ip) => host,
        _ => return None,
    };
    Some(format!("http://{host}:{port}"))
}

fn is_rest_of_ip(rest: &str) -> bool {
    rest.split('.').count() == 3 && rest.split('.').all(|part| part.parse::<u8>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ProcessKey;

    fn etcd(args: &[&str]) -> Vec<String> {
        let mut facts = ProcessFacts::named(ProcessKey { pid: 7, start_ticks: 1 }, "etcd");
        facts.argv =
            std::iter::once("etcd").chain(args.iter().copied()).map(str::to_owned).collect();
        metrics_urls(&facts)
    }

    #[test]
    fn kubeadm_has_a_listener_for_metrics() {
        let urls = etcd(&[
            "--listen-client-urls=https://127.0.0.1:2379,https://10.0.0.4:2379",
            "--listen-metrics-urls=http://127.0.0.1:2381",
        ]);
        assert_eq!(urls, ["http://127.0.0.1:2381"]);
    }

    #[test]
    fn whoever_listens_everywhere_listens_here() {
        let urls = etcd(&["--listen-client-urls", "http://0.0.0.0:2379/, http://[::]:2378"]);
        assert_eq!(urls, ["http://127.0.0.1:2379", "http://[::1]:2378"]);
    }

    #[test]
    fn without_settings_it_is_the_default_unless_a_file_says_otherwise() {
        assert_eq!(etcd(&[]), ["http://localhost:2379"]);
        assert!(etcd(&["--config-file=/etc/etcd.yml"]).is_empty());
    }

    #[test]
    fn nothing_off_this_host_is_asked() {
        for url in [
            "http://10.0.0.4:2379",
            "http://etcd.example:2379",
            "http://127.0.0.1.example:2379",
            "http://127.evil:2379",
            "http://user@127.0.0.1:2379",
            "unix://localhost:2379",
            "http://127.0.0.1:99999",
        ] {
            assert!(etcd(&["--listen-client-urls", url]).is_empty(), "{url}");
        }
    }
}
