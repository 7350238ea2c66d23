//! Whose syncs wrote out what others had caused.

use super::Lang;

/// `by` wrote out what `of` had caused: so many requests and bytes.
pub fn forced(lang: Lang, by: &str, of: &str, (requests, bytes): (&str, &str)) -> String {
    let Lang::En = lang;
    format!("{by} wrote out data of {of}, mostly in syncs: {requests} requests, {bytes}")
}
