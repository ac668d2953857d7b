//! `/metrics` in the Prometheus text format, from a registry of this replica's own.

use crate::handle::NodeHandle;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The text format's name.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text";

/// Builds the registry from the latest report: one source for the page, the terminal and the charts.
pub(crate) async fn metrics(State(handle): State<NodeHandle>) -> Response {
    let report = handle.report();
    let mut registry = Registry::with_prefix("outvote");
    let mut gauge = |name: &str, help: &str, value: u64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    };
    gauge("replicas", "Replicas of the committee", report.n as u64);
    gauge("faults_tolerated", "Liars that are outvoted", report.f as u64);
    gauge(
        "replicas_reachable",
        "Replicas with a live link",
        report.replicas.iter().filter(|r| r.reachable).count() as u64,
    );
    gauge("evidence", "Proofs of misbehaviour held", report.evidence.len() as u64);
    gauge(
        "twins_met",
        "How often a second process with another replica's keys was met",
        report.replicas.iter().map(|replica| replica.twins_met).sum(),
    );
    if let Some(me) = report.replicas.get(usize::from(report.me)) {
        gauge("view", "The view that this replica is in", me.view);
        gauge("is_leader", "Whether this replica leads", u64::from(me.leader));
        gauge("committed", "Committed blocks", me.committed);
        gauge("executed", "Executed blocks", me.executed);
        gauge("stable_checkpoint", "The latest stable checkpoint", me.stable_checkpoint);
        gauge("requests_pending", "Requests waiting for their order", me.pending as u64);
        gauge("views_entered", "Views entered since the start", me.view_changes);
        gauge("is_sitting_out", "Whether the restart rule forbids preparing", u64::from(me.sitting_out));
        gauge("is_observer", "Whether this replica never votes", u64::from(me.observer));
        gauge("is_repairing", "Whether the state was outvoted and is repaired", u64::from(me.repairing));
        gauge(
            "is_disk_stuck",
            "Whether a write to the disk does not come to its end",
            u64::from(me.disk_stuck),
        );
    }
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => {
            let kind = format!("{MEDIA_TYPE}; version=1.0.0; charset=utf-8");
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => super::no_such_route().into_response(),
    }
}
