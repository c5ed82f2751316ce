/*
 * guard.c -- C++ exceptions that reach the C ABI become statuses.
 *
 * Unwinding asks each frame's personality function whether it handles an exception (phase 1), then jumps to the landing
 * pad that it names (phase 2). guarded_call is written in assembly, so that its frame can name ours and so that the pad's
 * state is known. The exception's text is read by the layout that the Itanium C++ ABI gives to exceptions and type
 * descriptions; both libstdc++ and libc++ keep to it.
 */
#include "ort/guard.h"

#include <dlfcn.h>
#include <string.h>
#include <unwind.h>

#if defined(__x86_64__) || defined(__aarch64__)
#define HAS_FRAME 1
#else
#define HAS_FRAME 0
#endif

typedef OrtStatus *(*guarded_fn)(void *arg);

#if HAS_FRAME
/* Calls fn(arg); *thrown is set when it ends by an exception. guarded_pad is where that comes out. */
OrtStatus *guarded_call(guarded_fn fn, void *arg, struct _Unwind_Exception **thrown)
    __attribute__((visibility("hidden")));
extern const char guarded_pad[] __attribute__((visibility("hidden")));
_Unwind_Reason_Code guarded_personality(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
                                        struct _Unwind_Exception *e, struct _Unwind_Context *context)
    __attribute__((visibility("hidden"), used));

#define GUARDED_BEGIN                                                                                                  \
    "    .text\n"                                                                                                      \
    "    .p2align 4\n"                                                                                                 \
    "    .globl guarded_call, guarded_pad\n"                                                                           \
    "    .hidden guarded_call, guarded_pad, guarded_personality\n"                                                     \
    "    .type guarded_call, %function\n"                                                                              \
    "guarded_call:\n"                                                                                                  \
    "    .cfi_startproc\n"                                                                                             \
    "    .cfi_personality 0x1b, guarded_personality\n" /* relative to the place, signed 32 bits */

#if defined(__x86_64__)
__asm__(GUARDED_BEGIN "    endbr64\n"
                      "    pushq %rbx\n"
                      "    .cfi_def_cfa_offset 16\n"
                      "    .cfi_offset %rbx, -16\n"
                      "    movq %rdx, %rbx\n" /* kept by fn, and restored by the unwinder */
                      "    movq %rdi, %rax\n"
                      "    movq %rsi, %rdi\n"
                      "    call *%rax\n"
                      "1:  popq %rbx\n"
                      "    .cfi_remember_state\n"
                      "    .cfi_def_cfa_offset 8\n"
                      "    ret\n"
                      "    .cfi_restore_state\n"
                      "guarded_pad:\n"
                      "    endbr64\n"
                      "    movq %rax, (%rbx)\n"
                      "    xorl %eax, %eax\n"
                      "    jmp 1b\n"
                      "    .cfi_endproc\n"
                      "    .size guarded_call, . - guarded_call\n");
#else
__asm__(GUARDED_BEGIN "    stp x29, x30, [sp, #-32]!\n"
                      "    .cfi_def_cfa_offset 32\n"
                      "    .cfi_offset x29, -32\n"
                      "    .cfi_offset x30, -24\n"
                      "    str x19, [sp, #16]\n"
                      "    .cfi_offset x19, -16\n"
                      "    mov x29, sp\n"
                      "    mov x19, x2\n"
                      "    mov x9, x0\n"
                      "    mov x0, x1\n"
                      "    blr x9\n"
                      "1:  ldr x19, [sp, #16]\n"
                      "    .cfi_remember_state\n"
                      "    ldp x29, x30, [sp], #32\n"
                      "    .cfi_restore x19\n"
                      "    .cfi_restore x29\n"
                      "    .cfi_restore x30\n"
                      "    .cfi_def_cfa_offset 0\n"
                      "    ret\n"
                      "    .cfi_restore_state\n"
                      "guarded_pad:\n"
                      "    str x0, [x19]\n"
                      "    mov x0, xzr\n"
                      "    b 1b\n"
                      "    .cfi_endproc\n"
                      "    .size guarded_call, . - guarded_call\n");
#endif

/* Handles everything but a forced unwinding (the end of a thread), which goes on to its own end. */
_Unwind_Reason_Code guarded_personality(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
                                        struct _Unwind_Exception *e, struct _Unwind_Context *context) {
    (void)class;
    if (version != 1) return _URC_FATAL_PHASE1_ERROR;
    if (actions & _UA_FORCE_UNWIND) return _URC_CONTINUE_UNWIND;
    if (actions & _UA_SEARCH_PHASE) return _URC_HANDLER_FOUND;
    _Unwind_SetGR(context, __builtin_eh_return_data_regno(0), (_Unwind_Word)(uintptr_t)e);
    _Unwind_SetIP(context, (_Unwind_Ptr)(uintptr_t)guarded_pad);
    return _URC_INSTALL_CONTEXT;
}

/* ---- what was thrown ---------------------------------------------------------------------------------------------- */

/* A type's description. `base` is there for a class with one base class, which its own class tells. */
typedef struct type_text {
    const void *const *methods; /* [-1]: the description of this description's class */
    const char *name;
    const struct type_text *base;
} type_text;

/* In front of the unwinder's header: 80 bytes, the thrown object's type first. The object comes after the header. */
static const type_text *thrown_type(const struct _Unwind_Exception *e) {
    const type_text *t;
    memcpy(&t, (const char *)e - 80, sizeof t);
    return t;
}

static bool is_std_exception(const type_text *t) {
    for (int depth = 0; depth < 64; depth++) {
        if (strcmp(t->name, "St9exception") == 0) return true;
        const type_text *class = t->methods[-1];
        if (strcmp(class->name, "N10__cxxabiv120__si_class_type_infoE") != 0) return false;
        t = t->base;
    }
    return false;
}

/* std::exception's virtual functions: two destructors, then what(). */
static const char *text_of(const void *object) {
    const char *(*const *methods)(const void *);
    memcpy(&methods, object, sizeof methods);
    return methods[2](object);
}

/* The class of an exception, the low byte first: "GNUCC++" or "CLNGC++" and 0 for one that was thrown directly. */
static bool is_class(const struct _Unwind_Exception *e, const char *bytes) {
    return memcmp(&e->exception_class, bytes, 8) == 0;
}

static OrtStatus *status_of(const struct _Unwind_Exception *e) {
    if (!is_class(e, "\0++CCUNG") && !is_class(e, "\0++CGNLC"))
        return ort_fail(ORT_RUNTIME_EXCEPTION, "an exception of a foreign language was thrown");
    const type_text *t = thrown_type(e);
    if (is_std_exception(t)) return ort_fail(ORT_RUNTIME_EXCEPTION, "%s", text_of(e + 1));
    return ort_fail(ORT_RUNTIME_EXCEPTION, "a C++ exception of type %s was thrown", t->name);
}

/* Ends the exception as a handler does, so that its library counts it as caught. */
static void end(struct _Unwind_Exception *e) {
    void *(*begin_catch)(void *) = NULL;
    void (*end_catch)(void) = NULL;
    void *library = is_class(e, "\0++CCUNG") ? dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_NOLOAD) : NULL;
    if (library) {
        *(void **)&begin_catch = dlsym(library, "__cxa_begin_catch");
        *(void **)&end_catch = dlsym(library, "__cxa_end_catch");
    }
    if (begin_catch && end_catch) {
        begin_catch(e);
        end_catch();
    } else {
        _Unwind_DeleteException(e);
    }
    if (library) dlclose(library);
}

OrtStatus *ort_guarded(guarded_fn fn, void *arg) {
    struct _Unwind_Exception *thrown = NULL;
    OrtStatus *st = guarded_call(fn, arg, &thrown);
    if (!thrown) return st;
    st = status_of(thrown);
    end(thrown);
    return st;
}
#else
OrtStatus *ort_guarded(guarded_fn fn, void *arg) { return fn(arg); }
#endif
