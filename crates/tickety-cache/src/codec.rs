//! Keys and values as bytes.

use std::error::Error;

/// What goes wrong in a codec.
pub type CodecError = Box<dyn Error + Send + Sync>;

/// Writes keys and values as bytes and reads them again.
pub trait Codec<K, V> {
    /// Names what is written, and in which version. What another schema has written isn't read.
    fn schema(&self) -> &str;

    /// Writes a key.
    ///
    /// # Errors
    ///
    /// If the key has no form as bytes.
    fn write_key(&self, key: &K, to: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Reads a key.
    ///
    /// # Errors
    ///
    /// If the bytes are none.
    fn read_key(&self, from: &[u8]) -> Result<K, CodecError>;

    /// Writes a value.
    ///
    /// # Errors
    ///
    /// If the value has no form as bytes.
    fn write_value(&self, value: &V, to: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// If the bytes are none.
    fn read_value(&self, from: &[u8]) -> Result<V, CodecError>;
}

/// Writes whatever serde can, as JSON. It needs the feature `serde`.
#[cfg(feature = "serde")]
#[derive(Clone, Debug)]
pub struct JsonCodec {
    schema: String,
}

#[cfg(feature = "serde")]
impl JsonCodec {
    /// Makes a codec for a schema: a name and version of the types, to be changed when they do.
    pub fn new(schema: impl Into<String>) -> Self {
        Self { schema: schema.into() }
    }
}

#[cfg(feature = "serde")]
impl<K, V> Codec<K, V> for JsonCodec
where
    K: serde::Serialize + serde::de::DeserializeOwned,
    V: serde::Serialize + serde::de::DeserializeOwned,
{
    fn schema(&self) -> &str {
        &self.schema
    }

    fn write_key(&self, key: &K, to: &mut Vec<u8>) -> Result<(), CodecError> {
        Ok(serde_json::to_writer(to, key)?)
    }

    fn read_key(&self, from: &[u8]) -> Result<K, CodecError> {
        Ok(serde_json::from_slice(from)?)
    }

    fn write_value(&self, value: &V, to: &mut Vec<u8>) -> Result<(), CodecError> {
        Ok(serde_json::to_writer(to, value)?)
    }

    fn read_value(&self, from: &[u8]) -> Result<V, CodecError> {
        Ok(serde_json::from_slice(from)?)
    }
}
