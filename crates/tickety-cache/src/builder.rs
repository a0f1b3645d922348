//! Building a cache.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::{Cache, Inner, Settings, Spaces};
use crate::class::{Class, Rules};
use crate::clock::{Clock, Time};
use crate::engine::{Engine, Size};
use crate::load::Spawner;
use crate::removal::{Listener, Removed, Weigher};

/// What a cache is to be like.
///
/// Made by [`Cache::builder`] or [`Cache::weighted`]. Unless said otherwise nothing expires, nothing is
/// refreshed, and no thread is started: work is done by the callers or by a [`Spawner`].
#[must_use]
pub struct Builder<K, V> {
    size: Size,
    defaults: Class,
    classes: Vec<Class>,
    clock: Option<Arc<dyn Clock>>,
    spawner: Option<Arc<dyn Spawner>>,
    listener: Option<Listener<K, V>>,
    weigher: Option<Weigher<K, V>>,
    sampling: u32,
}

impl<K, V> Builder<K, V> {
    pub(crate) fn new(capacity: u64, expected: u64, weighted: bool) -> Self {
        Self {
            size: Size { capacity, expected, weighted, room: None },
            defaults: Class::new("default"),
            classes: Vec::new(),
            clock: None,
            spawner: None,
            listener: None,
            weigher: None,
            sampling: 16,
        }
    }

    /// Adds a class. Names are given once; the class `default` is there already.
    pub fn class(mut self, class: Class) -> Self {
        self.classes.push(class);
        self
    }

    /// Sets what holds for entries that name no class, and for what a class doesn't set; its name and
    /// capacity don't count.
    pub fn defaults(mut self, defaults: Class) -> Self {
        self.defaults = Class { name: "default".to_owned(), capacity: None, ..defaults };
        self
    }

    /// Sets how long an entry may be served, see [`Class::ttl`].
    pub fn ttl(mut self, time: Duration) -> Self {
        self.defaults = self.defaults.ttl(time);
        self
    }

    /// Sets how long an entry is fresh, see [`Class::soft_ttl`].
    pub fn soft_ttl(mut self, time: Duration) -> Self {
        self.defaults = self.defaults.soft_ttl(time);
        self
    }

    /// Sets how long an entry is kept after its end in case that loading fails, see [`Class::fail_safe`].
    pub fn fail_safe(mut self, time: Duration) -> Self {
        self.defaults = self.defaults.fail_safe(time);
        self
    }

    /// Sets by which share times are shortened at random, see [`Class::jitter`].
    pub fn jitter(mut self, share: f64) -> Self {
        self.defaults = self.defaults.jitter(share);
        self
    }

    /// Sets after which time an entry that nobody asks for ends, see [`Class::time_to_idle`].
    pub fn time_to_idle(mut self, time: Duration) -> Self {
        self.defaults = self.defaults.time_to_idle(time);
        self
    }

    /// Takes another source of time.
    pub fn clock(mut self, clock: Arc<impl Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Takes somebody who runs work in the background: refreshing, and loads that go on whatever becomes of
    /// their callers.
    pub fn spawner(mut self, spawner: impl Spawner) -> Self {
        self.spawner = Some(Arc::new(spawner));
        self
    }

    /// Tells somebody of each entry that leaves, in the thread that drove it out and while no lock is held.
    pub fn listener(mut self, listener: impl Fn(Removed<K, V>) + Send + Sync + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// Weighs values that don't say their weight. Called once for each value, before it is stored.
    pub fn weigher(mut self, weigher: impl Fn(&K, &V) -> u32 + Send + Sync + 'static) -> Self {
        self.weigher = Some(Box::new(weigher));
        self
    }

    /// Sets how many hits are counted by one of them, rounded up to a power of two: 1 counts each on its
    /// entry. Default: 16. The statistics count every hit in any case.
    pub fn hit_sampling(mut self, period: u32) -> Self {
        self.sampling = period.clamp(1, 1 << 15).next_power_of_two();
        self
    }

    /// Makes room for so many entries at once. Default: none, and tables that grow by doubling: entries in a table much
    /// larger than they need are found more slowly, since less of it fits into the processor's caches.
    pub fn initial_capacity(mut self, entries: usize) -> Self {
        self.size.room = Some(entries);
        self
    }

    /// Builds the cache.
    ///
    /// # Panics
    ///
    /// If two classes have the same name, or there are more than 16,384.
    #[must_use]
    pub fn build(self) -> Cache<K, V>
    where
        K: Hash + Eq,
        V: Clone,
    {
        let hasher = quick_cache::DefaultHashBuilder::default();
        let first = Engine::new(self.size, hasher.clone());
        let mut others = Vec::new();
        let mut rules = vec![Rules::new(&self.defaults, &self.defaults, 0)];
        for class in &self.classes {
            assert!(rules.iter().all(|known| known.name != class.name), "two classes are called {}", class.name);
            let mut space = 0;
            if let Some(capacity) = class.capacity {
                let expected = if self.size.weighted {
                    let share = capacity as f64 / self.size.capacity.max(1) as f64;
                    (self.size.expected as f64 * share) as u64
                } else {
                    capacity
                };
                others.push(Engine::new(Size { capacity, expected, ..self.size }, hasher.clone()));
                space = others.len();
            }
            rules.push(Rules::new(class, &self.defaults, space));
        }
        assert!(rules.len() <= crate::slot::CLASSES, "{} classes are too many", rules.len());
        let time = self.clock.map_or_else(Time::machine, Time::Given);
        let spaces = Spaces { first, others: others.into(), hasher };
        let settings = Settings {
            listener: self.listener,
            weigher: self.weigher,
            spawner: self.spawner,
            weighted: self.size.weighted,
            sampling: self.sampling,
        };
        Cache::new(Inner::new(spaces, rules.into(), time, settings))
    }
}

impl<K, V> std::fmt::Debug for Builder<K, V> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { size, defaults, classes, sampling, .. } = self;
        formatter
            .debug_struct("Builder")
            .field("size", size)
            .field("defaults", defaults)
            .field("classes", classes)
            .field("sampling", sampling)
            .finish_non_exhaustive()
    }
}
