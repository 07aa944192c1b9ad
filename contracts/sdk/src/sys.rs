//! The imports, as the enclave gives them: `docs/spec/contract.md`, version 1.

#[link(wasm_import_module = "adyton/1")]
extern "C" {
    pub fn input(ptr: *mut u8, cap: usize) -> usize;
    pub fn output(ptr: *const u8, len: usize);
    pub fn fail(ptr: *const u8, len: usize);
    pub fn state_get(kptr: *const u8, klen: usize, vptr: *mut u8, cap: usize) -> i32;
    pub fn state_set(kptr: *const u8, klen: usize, vptr: *const u8, vlen: usize);
    pub fn state_remove(kptr: *const u8, klen: usize);
    pub fn state_scan(
        pptr: *const u8,
        plen: usize,
        aptr: *const u8,
        alen: usize,
        optr: *mut u8,
        cap: usize,
    ) -> usize;
    pub fn caller(ptr: *mut u8) -> i32;
    pub fn address(ptr: *mut u8);
    pub fn block_height() -> i64;
    pub fn block_time() -> i64;
    pub fn random(ptr: *mut u8, len: usize);
    pub fn emit(tptr: *const u8, tlen: usize, dptr: *const u8, dlen: usize);
    pub fn emit_sealed(
        rptr: *const u8,
        tptr: *const u8,
        tlen: usize,
        dptr: *const u8,
        dlen: usize,
    );
    pub fn call(
        aptr: *const u8,
        mptr: *const u8,
        mlen: usize,
        iptr: *const u8,
        ilen: usize,
    ) -> i32;
    pub fn result(ptr: *mut u8, cap: usize) -> usize;
    pub fn sha256(ptr: *const u8, len: usize, out: *mut u8);
    pub fn ed25519_verify(kptr: *const u8, sptr: *const u8, mptr: *const u8, mlen: usize) -> i32;
    pub fn secp256k1_recover(hptr: *const u8, sptr: *const u8, out: *mut u8) -> i32;
    pub fn log(ptr: *const u8, len: usize);
}
