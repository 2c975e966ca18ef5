use super::context::TraceContext;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;

/// Keeps a [`TraceContext`] current on this thread; returned by [`TraceContext::enter`].
///
/// When it is dropped, the previous context is current again. Drop scopes in the reverse order of their
/// creation, and do not hold them across an `.await`.
#[must_use = "the context is current only while its scope lives"]
pub struct TraceScope {
    outer: Option<Entered>,
    #[cfg(feature = "otel")]
    _attached: opentelemetry::ContextGuard,
    /// Makes it `!Send`, because it belongs to its thread.
    _thread: PhantomData<*const ()>,
}

/// The innermost scope of a thread.
#[derive(Clone)]
struct Entered {
    context: TraceContext,
    /// The span that was current when the scope was entered.
    #[cfg(feature = "otel")]
    within: Option<tracing::span::Id>,
}

thread_local! {
    static ENTERED: RefCell<Option<Entered>> = const { RefCell::new(None) };
}

impl TraceContext {
    /// Returns this thread's current context, or `None` if no [scope](Self::enter) is open.
    ///
    /// With the feature `otel`, OpenTelemetry's current context takes precedence over a scope that is
    /// further out, whether its span is recorded or not.
    pub fn current() -> Option<Self> {
        current()
    }

    /// Makes this context current on this thread until the scope is dropped.
    ///
    /// With the feature `otel`, it also becomes OpenTelemetry's current context, as a remote one.
    pub fn enter(&self) -> TraceScope {
        TraceScope::new(self)
    }
}

impl TraceScope {
    fn new(context: &TraceContext) -> Self {
        let entered = Entered {
            context: context.clone(),
            #[cfg(feature = "otel")]
            within: tracing::Span::current().id(),
        };
        Self {
            outer: replace(Some(entered)),
            #[cfg(feature = "otel")]
            _attached: super::otel::attach(context),
            _thread: PhantomData,
        }
    }
}

impl Drop for TraceScope {
    fn drop(&mut self) {
        replace(self.outer.take());
    }
}

impl fmt::Debug for TraceScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceScope").finish_non_exhaustive()
    }
}

fn current() -> Option<TraceContext> {
    // Copied, because `otel::current` may call this function again.
    let entered = ENTERED.try_with(|entered| entered.borrow().clone());
    // A thread that is ending has no context.
    let entered = entered.ok().flatten();
    #[cfg(feature = "otel")]
    {
        let within = entered.as_ref().and_then(|entered| entered.within.clone());
        super::otel::current(entered.map(|entered| entered.context), within)
    }
    #[cfg(not(feature = "otel"))]
    entered.map(|entered| entered.context)
}

fn replace(entered: Option<Entered>) -> Option<Entered> {
    let replaced = ENTERED.try_with(|place| place.replace(entered));
    replaced.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(span: u8) -> TraceContext {
        let text = format!("00-{}-{span:016x}-01", "a".repeat(32));
        TraceContext::parse(&text, Some("k=v")).unwrap()
    }

    #[test]
    fn the_innermost_scope_is_current_on_its_own_thread() {
        assert_eq!(TraceContext::current(), None);
        let outer = context(1).enter();
        assert_eq!(TraceContext::current(), Some(context(1)));
        {
            let _inner = context(2).enter();
            assert_eq!(TraceContext::current(), Some(context(2)));
            let elsewhere = std::thread::spawn(TraceContext::current).join();
            assert_eq!(elsewhere.unwrap(), None);
        }
        assert_eq!(TraceContext::current(), Some(context(1)));
        drop(outer);
        assert_eq!(TraceContext::current(), None);
    }

    #[test]
    fn a_panic_closes_its_scopes() {
        let panicked = std::panic::catch_unwind(|| {
            let _scope = context(1).enter();
            panic!("in a scope");
        });
        assert!(panicked.is_err());
        assert_eq!(TraceContext::current(), None);
    }
}
