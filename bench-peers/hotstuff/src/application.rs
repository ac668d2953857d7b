//! The application: a block is a list of operations, and its hash binds them.

use crate::pool::Pool;
use crate::store::Store;
use borsh::{BorshDeserialize as _, BorshSerialize as _};
use hotstuff_rs::app::{
    App, ProduceBlockRequest, ProduceBlockResponse, ValidateBlockRequest, ValidateBlockResponse,
};
use hotstuff_rs::types::crypto_primitives::{CryptoHasher, Digest as _};
use hotstuff_rs::types::data_types::{CryptoHash, Data, Datum};

/// Puts operations of the pool into blocks, and takes note of those in others' blocks. They are carried out once they are
/// committed, by the pool, and not in the library's own state: that is faster.
#[derive(Clone, Debug)]
pub struct Application {
    pool: Pool,
}

impl Application {
    /// With a member's operations.
    #[must_use]
    pub const fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

fn hash_of(bytes: &[u8]) -> CryptoHash {
    CryptoHash::new(CryptoHasher::digest(bytes).into())
}

impl App<Store> for Application {
    fn produce_block(&mut self, _: ProduceBlockRequest<'_, Store>) -> ProduceBlockResponse {
        // Encoding into memory does not fail.
        let bytes = self.pool.propose().try_to_vec().unwrap_or_default();
        ProduceBlockResponse {
            data_hash: hash_of(&bytes),
            data: Data::new(vec![Datum::new(bytes)]),
            app_state_updates: None,
            validator_set_updates: None,
        }
    }

    fn validate_block(&mut self, request: ValidateBlockRequest<'_, '_, Store>) -> ValidateBlockResponse {
        let block = request.proposed_block();
        let Some(datum) = block.data.vec().first() else { return ValidateBlockResponse::Invalid };
        if hash_of(datum.bytes()) != block.data_hash {
            return ValidateBlockResponse::Invalid;
        }
        let Ok(operations) = Vec::<Vec<u8>>::try_from_slice(datum.bytes()) else {
            return ValidateBlockResponse::Invalid;
        };
        self.pool.proposed(block.hash.bytes(), &operations);
        ValidateBlockResponse::Valid { app_state_updates: None, validator_set_updates: None }
    }

    fn validate_block_for_sync(
        &mut self,
        request: ValidateBlockRequest<'_, '_, Store>,
    ) -> ValidateBlockResponse {
        self.validate_block(request)
    }
}
