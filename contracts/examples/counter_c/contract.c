/* The counter in C: nothing here is Rust alone. It has the same interface as contracts/examples/counter. */

typedef unsigned char u8;
typedef unsigned long long u64;

#define IMPORT(name) __attribute__((import_module("adyton/1"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(name)))

IMPORT(input) int input(void *to, int room);
IMPORT(output) void output(const void *from, int size);
IMPORT(fail) void fail(const void *reason, int size);
IMPORT(state_get) int state_get(const void *key, int key_size, void *to, int room);
IMPORT(state_set) void state_set(const void *key, int key_size, const void *value, int size);

/* The interface description: a custom section of the module. */
__asm__(".section .custom_section.adyton_interface,\"\",@\n"
        ".ascii \"adyton-interface 1\\nname counter_c\\n\"\n"
        ".ascii \"about A count that everybody together raises, in C\\n\"\n"
        ".ascii \"call add amount:u64 -> u64 ; Raise the count, and tell it\\n\"\n"
        ".ascii \"query get -> u64 ; Tell the count\\n\"\n");

static u64 count(void) {
    u64 value = 0;
    state_get("count", 5, &value, 8);
    return value;
}

EXPORT("call:add") void add(void) {
    u64 amount = 0;
    u64 sum;
    if (input(&amount, 8) != 8) {
        fail("the input is no amount", 22);
        return;
    }
    if (__builtin_add_overflow(count(), amount, &sum)) {
        fail("the count is full", 17);
        return;
    }
    state_set("count", 5, &sum, 8);
    output(&sum, 8);
}

EXPORT("query:get") void get(void) {
    u64 value = count();
    output(&value, 8);
}
