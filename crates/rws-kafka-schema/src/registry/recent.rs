//! The codecs that this thread used last, found again without a lock, a shared counter or a clock.

use rustc_hash::FxHasher;
use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::LocalKey;

/// How many a thread remembers; a power of two.
const SLOTS: usize = 64;

/// What one thread remembers, by keys of type `K`.
pub(crate) type Recent<K> = RefCell<[Option<Slot<K>>; SLOTS]>;

pub(crate) const fn nothing<K>() -> Recent<K> {
    RefCell::new([const { None }; SLOTS])
}

pub(crate) struct Slot<K> {
    owner: u64,
    type_id: TypeId,
    key: K,
    value: Rc<dyn Any>,
}

/// A shared value with a count of this thread's own: clones of its [`Rc`] touch no counter of other threads.
#[derive(Debug)]
pub(crate) struct Shared<V>(Arc<V>);

impl<V> Deref for Shared<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.0
    }
}

/// A key that is looked up in borrowed form, and that knows the thread's store.
pub(crate) trait Key: Hash {
    type Kept: 'static;

    fn keep(&self) -> Self::Kept;
    fn is(&self, kept: &Self::Kept) -> bool;
    fn recent() -> &'static LocalKey<Recent<Self::Kept>>;
}

/// Returns the value that this thread keeps for `owner`, `key` and the type `type_id`, if it is a `V`.
#[inline]
pub(crate) fn get<K: Key, V: Any>(owner: u64, type_id: TypeId, key: &K) -> Option<Rc<Shared<V>>> {
    K::recent().with_borrow(|slots| {
        let slot = slots[place(owner, type_id, key)].as_ref()?;
        let is_it = slot.owner == owner && slot.type_id == type_id && key.is(&slot.key);
        if !is_it {
            return None;
        }
        Rc::clone(&slot.value).downcast().ok()
    })
}

/// Keeps `value`, replacing what was in its slot.
pub(crate) fn put<K: Key, V: Any>(
    owner: u64,
    type_id: TypeId,
    key: &K,
    value: Arc<V>,
) -> Rc<Shared<V>> {
    let value = Rc::new(Shared(value));
    let slot = Slot {
        owner,
        type_id,
        key: key.keep(),
        value: Rc::clone(&value) as Rc<dyn Any>,
    };
    let place = place(owner, type_id, key);
    // Dropped outside the borrow, because `drop` may run any code.
    let _before = K::recent().with_borrow_mut(|slots| slots[place].replace(slot));
    value
}

#[inline]
fn place(owner: u64, type_id: TypeId, key: &impl Hash) -> usize {
    let mut hasher = FxHasher::default();
    (owner, type_id).hash(&mut hasher);
    key.hash(&mut hasher);
    hasher.finish() as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Hash)]
    struct Name<'a>(&'a str);

    impl Key for Name<'_> {
        type Kept = String;

        fn keep(&self) -> String {
            self.0.to_owned()
        }

        fn is(&self, kept: &String) -> bool {
            kept == self.0
        }

        fn recent() -> &'static LocalKey<Recent<String>> {
            thread_local! {
                static NAMES: Recent<String> = const { nothing() };
            }
            &NAMES
        }
    }

    #[test]
    fn what_was_put_is_found_by_its_owner_type_and_key_alone() {
        let number = TypeId::of::<u8>();
        put(1, number, &Name("a"), Arc::new(7_u32));
        assert_eq!(get::<_, u32>(1, number, &Name("a")).map(|v| **v), Some(7));
        assert!(get::<_, u32>(2, number, &Name("a")).is_none());
        assert!(get::<_, u32>(1, TypeId::of::<u16>(), &Name("a")).is_none());
        assert!(get::<_, u32>(1, number, &Name("b")).is_none());
        assert!(get::<_, u64>(1, number, &Name("a")).is_none());
    }

    #[test]
    fn a_thread_keeps_no_more_than_its_slots() {
        let value = Arc::new(());
        for number in 0..10_000 {
            put(
                3,
                TypeId::of::<u8>(),
                &Name(&number.to_string()),
                Arc::clone(&value),
            );
        }
        assert!(Arc::strong_count(&value) <= SLOTS + 1);
    }
}
