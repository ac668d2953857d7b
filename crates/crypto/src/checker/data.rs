//! Data: unsigned answers to a FETCH, each byte of which hangs on a digest that a leader or a quorum signed.

use super::gather::{Gather, Stop};
use super::rules::header;
use outvote_types::planted::{self, Bug};
use outvote_types::{Batch, Block, Certificate, Data, Header, Snapshot};

pub(super) fn data(gather: &mut Gather<'_>, data: &Data) -> Result<(), Stop> {
    match data {
        Data::Batches(batches) => {
            for (part, batch) in batches.iter().enumerate() {
                gather.batch(part, batch);
            }
            Ok(())
        }
        Data::Block(block) => {
            header(gather, &block.header)?;
            named_batches(&block.header.body, &block.batches, false)?;
            for (part, batch) in block.batches.iter().enumerate() {
                gather.batch(part, batch);
            }
            Ok(())
        }
        Data::Range { blocks, certificate } => range(gather, blocks, certificate),
        Data::Manifest(snapshot) => manifest(gather, snapshot),
        // C10: checked on arrival against the digests of the manifest, by the state transfer.
        Data::Bucket { .. } | Data::Gone { .. } => Ok(()),
    }
}

/// The batches are those that the header names, in its order; a proposal may also leave all of them out.
///
/// Only digests are compared here. Whether the header also tells the truth of their counts and sizes is for ring 1 to
/// see (`Block::is_consistent`), because a header that lies convicts its leader and must not vanish with the message.
pub(super) fn named_batches(header: &Header, batches: &[Batch], may_be_left_out: bool) -> Result<(), Stop> {
    if batches.is_empty() && (may_be_left_out || header.batches.is_empty()) {
        return Ok(());
    }
    let same = batches.len() == header.batches.len()
        && batches.iter().zip(header.batches.iter()).all(|(batch, named)| batch.digest() == named.digest);
    if same { Ok(()) } else { Err(Stop::Because("C10: batches that the header does not name")) }
}

/// A certified stretch of the chain: each block names the one before it, and a quorum certified the last.
fn range(gather: &mut Gather<'_>, blocks: &[Block], certificate: &Certificate) -> Result<(), Stop> {
    // C5: the range is checked by walking the parent hashes back from one certificate.
    let last = blocks.last().ok_or(Stop::Because("C5: an empty range"))?;
    if certificate.rank() != last.header.body.rank() || certificate.id != last.header.body.id() {
        return Err(Stop::Because("C5: the certificate is not of the range's last block"));
    }
    for pair in blocks.windows(2) {
        let (parent, child) = (&pair[0].header.body, &pair[1].header.body);
        if (child.parent != parent.id() && !planted::is_on(Bug::RangeNoChain))
            || child.sequence.0 != parent.sequence.0.saturating_add(1)
        {
            return Err(Stop::Because("C5: the range is no chain"));
        }
    }
    if !blocks.iter().all(Block::is_consistent) {
        return Err(Stop::Because("C10: batches that the header does not name"));
    }
    gather.whole(gather.keyring.checks_of_certificate(certificate))?;
    for block in blocks {
        // The leaders' signatures are kept in the archive and shown in receipts, so a bad one is not taken over. The
        // clients' were judged by the quorum that the certificate shows, and their bytes are under its digest (M9).
        header(gather, &block.header)?;
    }
    Ok(())
}

fn manifest(gather: &mut Gather<'_>, snapshot: &Snapshot) -> Result<(), Stop> {
    // C6, C8: no snapshot is believed without its certificate.
    let (certificate, body) = (&snapshot.certificate, &snapshot.header.body);
    if body.sequence != certificate.sequence || body.id() != certificate.id {
        return Err(Stop::Because("C6: the header is not the checkpoint's"));
    }
    gather.whole(gather.keyring.checks_of_checkpoint(certificate))?;
    header(gather, &snapshot.header)
}
