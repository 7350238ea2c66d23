//! An etcd member's configuration file.
//!
//! Owns where it is and what is kept of it. The file itself is read elsewhere.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::etcd_paths::{CONFIG_FILE, absolute, given};
use crate::facts::ProcessFacts;
use crate::role::Program;

/// What is kept: names as flags have them. A configuration may hold secrets, such as the cluster's token.
const KEPT: [&str; 6] = [
    "data-dir",
    "wal-dir",
    "name",
    "heartbeat-interval",
    "listen-metrics-urls",
    "listen-client-urls",
];

/// The path of a member's configuration file, in its own mount namespace; `None` when it has none.
pub fn config_path(process: &ProcessFacts) -> Option<String> {
    Some(absolute(process, &given(process, &Program::of(process), CONFIG_FILE)?))
}

/// What is kept of a configuration file (YAML), as flags would have it; `None` when it cannot be read as one.
pub fn parse(text: &str) -> Option<Vec<(String, String)>> {
    let all: BTreeMap<String, Value> = serde_saphyr::from_str(text).ok()?;
    let kept = KEPT.iter().filter_map(|&name| {
        let value = match all.get(name)? {
            Value::String(value) => value.clone(),
            Value::Number(value) => value.to_string(),
            _ => return None,
        };
        (!value.is_empty()).then(|| (name.to_owned(), value))
    });
    Some(kept.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Property: of a configuration file the few settings are kept that matter here, and no secret; what is no configuration is none.
    #[test]
    fn the_few_settings_are_kept() {
        let text = "# etcd\nname: 'm1'\ndata-dir: /var/lib/etcd\nheartbeat-interval: 500\ninitial-cluster-token: secret\n\
                    client-transport-security:\n  cert-file: /x\nwal-dir:\n";
        let kept = parse(text).unwrap();
        let pairs: Vec<_> =
            kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            pairs,
            [("data-dir", "/var/lib/etcd"), ("name", "m1"), ("heartbeat-interval", "500")]
        );
        assert_eq!(parse("just words"), None);
        assert_eq!(parse("name: [a"), None);
    }
}
