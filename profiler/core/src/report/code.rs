//! What the document's codes have in common.
//!
//! Beside each sentence of the document stands the same as a code with its values (`reason` and `reason_code`). Programs
//! read codes; sentences are made when the document is written, and are not read again.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A code of a newer version, of which only the name is known here.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct Newer {
    /// Its name.
    pub code: String,
}

/// A part of a whole, 0 to 1, in millionths, so that what is written is what is read back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u32);

impl Share {
    /// The whole in millionths.
    pub const WHOLE: u64 = 1_000_000;

    /// Of a number from 0 to 1, cut off behind a millionth.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    pub fn of(share: f64) -> Self {
        Self((share.clamp(0.0, 1.0) * 1e6) as u32)
    }

    /// Of a number from 0 to 1, rounded to a thousandth.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    pub fn rounded(share: f64) -> Self {
        Self((share.clamp(0.0, 1.0) * 1e3).round() as u32 * 1_000)
    }

    /// The millionths.
    pub fn millionths(self) -> u64 {
        self.0.into()
    }
}

/// Writes a number to a hundredth.
#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
pub(super) fn to_a_hundredth<S: Serializer>(
    number: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    number.map(|number| (number * 100.0).round() / 100.0).serialize(serializer)
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 1e6)
    }
}

impl<'de> Deserialize<'de> for Share {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let share = f64::deserialize(deserializer)?;
        Ok(Self((share.clamp(0.0, 1.0) * 1e6).round() as u32))
    }
}

impl JsonSchema for Share {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Share".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        f64::json_schema(generator)
    }
}
