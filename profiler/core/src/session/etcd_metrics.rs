//! What etcds say of themselves.

use super::actors::ActorId;
use crate::facts::WalFsyncs;
use foldhash::HashMap;

/// What an etcd said first and last: learnt, told of the whole only.
#[derive(Clone, Default)]
pub(super) struct EtcdMetrics {
    pub(super) said: HashMap<ActorId, (WalFsyncs, WalFsyncs)>,
}

impl EtcdMetrics {
    /// An etcd was asked.
    pub(super) fn told(&mut self, actor: ActorId, said: WalFsyncs) {
        self.said.entry(actor).and_modify(|(_, last)| *last = said).or_insert((said, said));
    }
}
