//! Routes that say what they are: the one table that requests are served from and `/openapi.json` is made of.

use super::openapi::Route;
use axum::Router;
use axum::handler::Handler;
use axum::routing::{get, post};
use std::fmt;

/// One route as it stands in `/openapi.json`.
#[derive(Clone, Debug)]
pub(crate) struct Documented {
    pub(crate) path: &'static str,
    pub(crate) method: &'static str,
    pub(crate) route: Route,
}

/// Routes with their descriptions. There is no way to add one without the other, so that the document is complete.
pub struct AppRoutes<S = ()> {
    router: Router<S>,
    documented: Vec<Documented>,
}

impl<S> fmt::Debug for AppRoutes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppRoutes").field("documented", &self.documented).finish_non_exhaustive()
    }
}

impl<S: Clone + Send + Sync + 'static> Default for AppRoutes<S> {
    fn default() -> Self {
        Self { router: Router::new(), documented: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> AppRoutes<S> {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route that is asked with GET. A part of the path such as `{room}` is a parameter.
    #[must_use]
    pub fn get<H: Handler<T, S>, T: 'static>(self, path: &'static str, route: Route, handler: H) -> Self {
        let Self { router, documented } = self;
        Self { router: router.route(path, get(handler)), documented }.document(path, "get", route)
    }

    /// Adds a route that takes a body with POST.
    #[must_use]
    pub fn post<H: Handler<T, S>, T: 'static>(self, path: &'static str, route: Route, handler: H) -> Self {
        let Self { router, documented } = self;
        Self { router: router.route(path, post(handler)), documented }.document(path, "post", route)
    }

    /// Gives the handlers the state that they ask for.
    #[must_use]
    pub fn with_state<T>(self, state: S) -> AppRoutes<T> {
        AppRoutes { router: self.router.with_state(state), documented: self.documented }
    }

    /// Both together.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.documented.extend(other.documented);
        Self { router: self.router.merge(other.router), documented: self.documented }
    }

    /// Puts layers around the routes, or a fallback behind them. What is served by a fallback is not documented.
    #[must_use]
    pub fn map(self, change: impl FnOnce(Router<S>) -> Router<S>) -> Self {
        Self { router: change(self.router), documented: self.documented }
    }

    /// The router, and what it serves.
    pub(crate) fn into_parts(self) -> (Router<S>, Vec<Documented>) {
        (self.router, self.documented)
    }

    fn document(mut self, path: &'static str, method: &'static str, route: Route) -> Self {
        self.documented.push(Documented { path, method, route });
        self
    }
}
