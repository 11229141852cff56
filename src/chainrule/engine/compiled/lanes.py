"""Lanes: some float32 side by side, which one instruction of the processor computes at once.

A value of the type Lanes(16) or Lanes(64) is a vector of LLVM, which makes of it one or four
registers of AVX-512, two or eight of AVX2, four or sixteen of NEON. Every operation is one of IEEE
754 in each lane, rounded once: nothing is left to be reordered or contracted, so a lane's result is
the same on every processor.

These are intrinsics of Numba: functions that it compiles to what stands in them. Where `zero`
is an argument, its type says how many lanes are meant.
"""

import operator
from typing import Any

import llvmlite.binding as llvm
import llvmlite.ir as ir
from numba import float32, int64, njit, types
from numba.core import cgutils
from numba.core.imputils import lower_builtin
from numba.core.registry import cpu_target
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model

INT = ir.IntType(32)


class Lanes(types.Type):
    """So many float32 side by side."""

    def __init__(self, width: int) -> None:
        super().__init__(name=f"Lanes({width})")
        self.width = width
        self.vector = ir.VectorType(ir.FloatType(), width)
        self.whole = ir.VectorType(INT, width)  # as many int32

    def constant(self, value: float) -> ir.Constant:
        return ir.Constant(self.vector, [value] * self.width)


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        super().__init__(manager, lanes, lanes.vector)


# ------------------------------------------------------------------------------ memory and lanes


def zeros(width: int) -> Any:
    """An intrinsic that gives zero in so many lanes."""
    lanes = Lanes(width)

    @intrinsic
    def zero(typing):
        return lanes(), lambda *_: lanes.constant(0.0)

    return zero


@intrinsic
def address(typing, array):
    """Where an array begins: a pointer, which is not counted, and its indices not checked."""

    def generate(context, builder, signed, args):
        return context.make_array(array)(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), generate


@intrinsic
def beyond(typing, memory, k):
    """The memory from memory[k] on."""

    def generate(context, builder, signed, args):
        return builder.gep(args[0], [args[1]])

    return memory(memory, int64), generate


@intrinsic
def bytes_at(typing, place):
    """The bytes from a place in memory on, which may be read-only: `array.ctypes.data` says it."""

    def generate(context, builder, signed, args):
        return builder.inttoptr(args[0], ir.IntType(8).as_pointer())

    return types.CPointer(types.uint8)(int64), generate


@intrinsic
def eight(typing, memory, k):
    """memory[k] to memory[k + 7], bytes, as one number: 0 if all of them are."""

    def generate(context, builder, signed, args):
        place = builder.gep(args[0], [args[1]])
        place = builder.bitcast(place, ir.IntType(64).as_pointer())
        return builder.load(place, align=1)

    return int64(memory, int64), generate


@intrinsic
def fetch(typing, memory, k):
    """Have memory[k] brought into the cache while something else is computed."""

    def generate(context, builder, signed, args):
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        place = builder.bitcast(builder.gep(args[0], [args[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        to_read, to_keep, of_data = (ir.Constant(number, value) for value in (0, 3, 1))
        builder.call(function, [place, to_read, to_keep, of_data])
        return context.get_dummy_value()

    return types.none(memory, int64), generate


def vector_at(builder: Any, pointer: Any, i: Any, vector: Any) -> Any:
    return builder.bitcast(builder.gep(pointer, [i]), vector.as_pointer())


@intrinsic
def load(typing, zero, memory, i):
    """The lanes from memory[i] on."""

    def generate(context, builder, signed, args):
        return builder.load(vector_at(builder, *args[1:], zero.vector), align=4)

    return zero(zero, memory, int64), generate


@intrinsic
def store(typing, memory, i, lanes):
    """Put lanes into memory[i] and the numbers after it."""

    def generate(context, builder, signed, args):
        builder.store(args[2], vector_at(builder, *args[:2], lanes.vector), align=4)
        return context.get_dummy_value()

    return types.none(memory, int64, lanes), generate


@intrinsic
def spread(typing, zero, x):
    """x in every lane."""

    def generate(context, builder, signed, args):
        return in_every_lane(builder, zero, args[1])

    return zero(zero, float32), generate


def in_every_lane(builder: Any, lanes: Lanes, x: Any) -> Any:
    undefined = ir.Constant(lanes.vector, ir.Undefined)
    first = builder.insert_element(undefined, x, ir.Constant(INT, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(lanes.whole, [0] * lanes.width))


# ------------------------------------------------------------------------------------- arithmetic


@intrinsic
def root(typing, x):
    """The square root."""

    def generate(context, builder, signed, args):
        kind = ir.FunctionType(x.vector, [x.vector])
        name = f"llvm.sqrt.v{x.width}f32"
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)

    return x(x), generate


@intrinsic
def fma(typing, x, a, b):
    """x · a + b, rounded once; x is lanes, or one number for all of them."""

    def generate(context, builder, signed, args):
        kind = ir.FunctionType(a.vector, [a.vector] * 3)
        name = f"llvm.fma.v{a.width}f32"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        factor = args[0] if isinstance(x, Lanes) else in_every_lane(builder, a, args[0])
        return builder.call(function, [factor, *args[1:]])

    return a(x if isinstance(x, Lanes) else float32, a, b), generate


def make_operator(sign: Any, instruction: str) -> None:
    """Let a sign stand between lanes, and between lanes and one number."""

    @infer_global(sign)
    class Typed(AbstractTemplate):
        def generic(self, args: Any, keywords: Any) -> Any:
            lanes = [each for each in args if isinstance(each, Lanes)]
            if lanes and all(each in (lanes[0], float32) for each in args):
                return signature(lanes[0], *args)
            return None

    def generate(context: Any, builder: Any, signed: Any, args: Any) -> Any:
        lanes = signed.return_type
        both = [
            each if kind == lanes else in_every_lane(builder, lanes, each)
            for kind, each in zip(signed.args, args, strict=True)
        ]
        return getattr(builder, instruction)(*both)

    for kinds in ((Lanes, Lanes), (Lanes, types.Float), (types.Float, Lanes)):
        lower_builtin(sign, *kinds)(generate)


make_operator(operator.add, "fadd")
make_operator(operator.sub, "fsub")
make_operator(operator.mul, "fmul")
make_operator(operator.truediv, "fdiv")


def compared(comparison: str) -> Any:
    """An intrinsic: x in the lanes where a and b compare so, y elsewhere, also where one is NaN."""

    @intrinsic
    def choose(typing, a, b, x, y):
        def generate(context, builder, signed, args):
            return builder.select(builder.fcmp_ordered(comparison, *args[:2]), *args[2:])

        return x(a, b, x, y), generate

    return choose


if_less = compared("<")
if_equal = compared("==")


# --------------------------------------------------------------------------- the bits of a float32


@intrinsic
def power_of_two(typing, n):
    """2ⁿ, for whole numbers n from -126 to 127 to which 1.5 · 2²³ was added."""

    def generate(context, builder, signed, args):
        bits = builder.bitcast(args[0], n.whole)
        shifted = builder.shl(
            builder.add(bits, ir.Constant(n.whole, [127] * n.width)),
            ir.Constant(n.whole, [23] * n.width),
        )
        return builder.bitcast(shifted, n.vector)

    return n(n), generate


@intrinsic
def exponent(typing, x):
    """The whole number n for which x is from 2ⁿ to below 2ⁿ⁺¹; x is positive, not subnormal."""

    def generate(context, builder, signed, args):
        bits = builder.lshr(builder.bitcast(args[0], x.whole), ir.Constant(x.whole, [23] * x.width))
        n = builder.sub(bits, ir.Constant(x.whole, [127] * x.width))
        return builder.sitofp(n, x.vector)

    return x(x), generate


@intrinsic
def mantissa(typing, x):
    """x / 2ⁿ with that n: from 1 to below 2."""

    def generate(context, builder, signed, args):
        bits = builder.and_(
            builder.bitcast(args[0], x.whole), ir.Constant(x.whole, [0x007FFFFF] * x.width)
        )
        one = builder.or_(bits, ir.Constant(x.whole, [0x3F800000] * x.width))
        return builder.bitcast(one, x.vector)

    return x(x), generate


# ------------------------------------------------------------------------------------ across lanes


@intrinsic
def total(typing, lanes):
    """The sum of all lanes, in one order: the upper half is added to the lower, again and again."""

    def generate(context, builder, signed, args):
        sums, width = args[0], lanes.width
        undefined = ir.Constant(lanes.vector, ir.Undefined)
        while width > 1:
            width //= 2
            upper = [width + k if k < width else 0 for k in range(lanes.width)]
            moved = builder.shuffle_vector(sums, undefined, ir.Constant(lanes.whole, upper))
            sums = builder.fadd(sums, moved)
        return builder.extract_element(sums, ir.Constant(INT, 0))

    return float32(lanes), generate


@intrinsic
def turn(typing, source, i, row, target, j, column):
    """Transpose 16 × 16: lane c of source[i + r · row] becomes lane r of target[j + c · column].

    Four rounds; in each, two rows trade a half of their lanes.
    """
    lanes = Lanes(16)

    def generate(context, builder, signed, args):
        source, i, row, target, j, column = args

        def place(memory: Any, start: Any, stride: Any, r: int) -> Any:
            at = builder.add(start, builder.mul(stride, ir.Constant(stride.type, r)))
            return vector_at(builder, memory, at, lanes.vector)

        rows = [builder.load(place(source, i, row, r), align=4) for r in range(16)]
        for half in (8, 4, 2, 1):
            first = [c if c & half == 0 else 16 + c - half for c in range(16)]
            second = [c + half if c & half == 0 else 16 + c for c in range(16)]
            for r in range(16):
                if r & half == 0:
                    a, b = rows[r], rows[r + half]
                    rows[r], rows[r + half] = (
                        builder.shuffle_vector(a, b, ir.Constant(lanes.whole, picked))
                        for picked in (first, second)
                    )
        for c, turned in enumerate(rows):
            builder.store(turned, place(target, j, column, c), align=4)
        return context.get_dummy_value()

    return types.none(source, int64, int64, target, int64, int64), generate


# ------------------------------------------------------------------------- words between threads


@intrinsic
def say(typing, words, i, word):
    """Put an int64 where other threads see it, with all that this thread has written before."""

    def generate(context, builder, signed, args):
        builder.store_atomic(args[2], builder.gep(args[0], [args[1]]), "release", 8)
        return context.get_dummy_value()

    return types.none(words, int64, int64), generate


@intrinsic
def hear(typing, words, i):
    """The int64 that a thread has put there, and all that it had written before."""

    def generate(context, builder, signed, args):
        return builder.load_atomic(builder.gep(*args[:1], [args[1]]), "acquire", 8)

    return int64(words, int64), generate


def has_wide_registers() -> bool:
    """Whether 16 lanes are one register of the processor that Numba compiles for."""
    triple, processor, features = cpu_target.target_context.codegen().magic_tuple()
    machine = llvm.Target.from_triple(triple).create_target_machine(processor, features)
    module = ir.Module()
    vector = ir.VectorType(ir.FloatType(), 16)
    function = ir.Function(module, ir.FunctionType(vector, [vector, vector]), "add")
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(builder.fadd(*function.args))
    return "zmm" in machine.emit_assembly(llvm.parse_assembly(str(module)))


# A function that only compiled ones call: Python has no way in.
inner = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
