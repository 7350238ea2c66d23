//! Shared helpers of the integration tests.

pub mod binary;
pub mod blockstat;
pub mod cgroup;
pub mod etcd;
pub mod fio;
pub mod forced;
pub mod gateway;
pub mod indirect;
pub mod janitor;
pub mod journal;
pub mod lab;
pub mod lease;
pub mod load;
pub mod loopdev;
pub mod median;
pub mod neighbour;
pub mod process;
pub mod readme;
pub mod schema;
pub mod tracefs;
pub mod truth;
pub mod watch;
pub mod writer;
pub mod yardstick;
