(; A memory of its own and two functions over it. It imports the other memory, so that both stay apart when merged. ;)
(module
  (import "contract" "memory" (memory $contract 1))
  (memory $vault 1 1)
  (func (export "put") (param $place i32) (param $number i64)
    (i64.store $vault (local.get $place) (local.get $number)))
  (func (export "take") (param $place i32) (result i64)
    (i64.load $vault (local.get $place))))
