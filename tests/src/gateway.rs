//! etcd's JSON gateway: one keep-alive connection, one request at a time.

use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A client with one connection of its own to one etcd.
pub struct Gateway {
    agent: ureq::Agent,
    endpoint: String,
}

impl Gateway {
    /// For an endpoint such as `http://127.0.0.1:2379`. An answer that takes longer than `limit` is an error.
    pub fn new(endpoint: &str, limit: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(limit))
            .max_idle_connections_per_host(1)
            // Loopback only, whatever the environment says.
            .proxy(None)
            .build();
        Self { agent: config.into(), endpoint: endpoint.to_owned() }
    }

    /// The body of a page, such as `/metrics`.
    pub fn get(&self, path: &str) -> Result<String> {
        let url = format!("{}{path}", self.endpoint);
        let mut answer = self.agent.get(&url).call().with_context(|| url.clone())?;
        // Beyond the usual limit: a page of metrics is large.
        answer.body_mut().with_config().limit(64 << 20).read_to_string().with_context(|| url)
    }

    /// Stores a value under a key.
    pub fn put(&self, key: &str, value: &[u8]) -> Result<()> {
        let body =
            serde_json::json!({"key": STANDARD.encode(key), "value": STANDARD.encode(value)});
        self.post("/v3/kv/put", &body.to_string())
    }

    /// A request without a question.
    pub fn ask(&self, path: &str) -> Result<()> {
        self.post(path, "{}")
    }

    fn post(&self, path: &str, body: &str) -> Result<()> {
        let url = format!("{}{path}", self.endpoint);
        let request = self.agent.post(&url).content_type("application/json");
        let mut answer = request.send(body).with_context(|| url.clone())?;
        // Read to its end, so that the connection serves the next one too.
        answer.body_mut().read_to_string().with_context(|| url)?;
        Ok(())
    }
}
