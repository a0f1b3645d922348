//! Typed values in keys.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::escaped;

/// A value to be compared with, of any type that has a conversion; others don't compile rather than being left
/// out of the key.
///
/// The type counts: the number 3 and the text "3" are different. The width of a number doesn't.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value(String);

impl Value {
    /// Makes a value of values whose order doesn't count.
    pub fn set<T: Into<Self>>(values: impl IntoIterator<Item = T>) -> Self {
        let values: BTreeSet<Self> = values.into_iter().map(Into::into).collect();
        Self(format!("{{{}}}", joined(&mut values.iter())))
    }

    /// Makes a value of values whose order counts.
    pub fn list<T: Into<Self>>(values: impl IntoIterator<Item = T>) -> Self {
        let values: Vec<Self> = values.into_iter().map(Into::into).collect();
        Self(format!("[{}]", joined(&mut values.iter())))
    }

    /// Makes a value of bytes.
    #[must_use]
    pub fn bytes(bytes: &[u8]) -> Self {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("x{digits}"))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

fn joined(values: &mut dyn Iterator<Item = &Value>) -> String {
    values.map(Value::as_str).collect::<Vec<_>>().join(",")
}

macro_rules! whole_numbers {
    ($($number:ty)*) => {$(
        impl From<$number> for Value {
            fn from(number: $number) -> Self {
                Self(format!("i{number}"))
            }
        }
    )*};
}

whole_numbers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

macro_rules! texts {
    ($($text:ty)*) => {$(
        impl From<$text> for Value {
            fn from(text: $text) -> Self {
                Self(format!("s{}", escaped(&text)))
            }
        }
    )*};
}

texts!(&str String &String Box<str> Arc<str> Cow<'_, str>);

impl From<char> for Value {
    fn from(character: char) -> Self {
        Self::from(character.to_string())
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self(format!("b{}", u8::from(bool)))
    }
}

impl From<f64> for Value {
    /// Numbers that compare equal are equal, and so is whatever isn't a number.
    fn from(number: f64) -> Self {
        let number = match number {
            _ if number.is_nan() => f64::NAN,
            0.0 => 0.0,
            other => other,
        };
        Self(format!("d{:016x}", number.to_bits()))
    }
}

impl From<f32> for Value {
    fn from(number: f32) -> Self {
        Self::from(f64::from(number))
    }
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self("z".to_owned())
    }
}

impl From<Duration> for Value {
    fn from(time: Duration) -> Self {
        Self(format!("t{}", time.as_nanos()))
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(|| Self::from(()), Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::list(values)
    }
}

impl<T: Into<Self> + Clone> From<&[T]> for Value {
    fn from(values: &[T]) -> Self {
        Self::list(values.iter().cloned())
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Value {
    fn from(values: [T; N]) -> Self {
        Self::list(values)
    }
}

impl<T: Into<Self>> From<BTreeSet<T>> for Value {
    fn from(values: BTreeSet<T>) -> Self {
        Self::set(values)
    }
}
