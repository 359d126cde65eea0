/*
 * The module tayra._core: its start, its errors, and small helpers of all files.
 */
#include "core.h"

#include <stdio.h>
#include <string.h>

/* What Python raises for each status. */
static PyObject *exception_of(tay_status status)
{
    switch (status) {
    case TAY_ERROR_MEMORY:
        return PyExc_MemoryError;
    case TAY_ERROR_LIMIT:
        return PyExc_OverflowError;
    case TAY_ERROR_STATE:
        return PyExc_RuntimeError;
    default:
        return PyExc_ValueError;
    }
}

PyObject *core_raise(tay_status status)
{
    const char *message = tay_error_message();
    PyErr_SetString(exception_of(status), *message ? message : tay_status_name(status));
    return NULL;
}

PyObject *core_raise_type(PyObject *o, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    PyErr_Clear();
    PyObject *expected = PyUnicode_FromFormatV(format, arguments), *type = expected ? PyType_GetName(Py_TYPE(o)) : NULL;
    va_end(arguments);
    if (type) {
        PyErr_Format(PyExc_TypeError, "%U, not '%U'", expected, type);
    }
    Py_XDECREF(expected);
    Py_XDECREF(type);
    return NULL;
}

void *core_alloc(size_t n, size_t size)
{
    void *p = NULL;
    if (n <= (size_t)PY_SSIZE_T_MAX / size) {
        p = PyMem_Malloc(n > 0 ? n * size : 1);
    }
    if (!p) {
        PyErr_NoMemory();
    }
    return p;
}

PyTypeObject *core_add_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromSpec(spec);
    if (!type) {
        return NULL;
    }
    if (PyModule_AddType(module, (PyTypeObject *)type) < 0) {
        Py_DECREF(type);
        return NULL;
    }
    Py_DECREF(type); /* the module keeps it, and the module is never unloaded */
    return (PyTypeObject *)type;
}

void core_free_object(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* The last warning that the library gave this thread, which may not hold the interpreter's lock then; "": none. */
static _Thread_local char warning[512];

static void note_warning(tay_log_level level, const char *text, void *Py_UNUSED(context))
{
    if (level == TAY_LOG_WARNING) {
        snprintf(warning, sizeof warning, "%s", text);
    }
}

bool core_warn(int stack_level)
{
    char text[sizeof warning];
    memcpy(text, warning, sizeof text);
    *warning = 0;
    return !*text || PyErr_WarnEx(PyExc_RuntimeWarning, text, stack_level) == 0;
}

PyObject *core_execution_name(tay_execution execution)
{
    return PyUnicode_FromString(execution == TAY_EXECUTION_JIT ? "jit" : "vm");
}

static bool add_all(PyObject *module)
{
    return core_add_expr(module) && core_add_view(module) && core_add_cfunc(module) && core_add_tensors(module) &&
           core_add_continuous(module) && core_add_flow(module) && core_add_ode(module) && core_add_variational(module) &&
           PyModule_AddFunctions(module, core_function_methods) == 0 &&
           PyModule_AddFunctions(module, core_model_methods) == 0 &&
           PyModule_AddFunctions(module, core_cache_methods) == 0 &&
           PyModule_AddStringConstant(module, "version", tay_version()) == 0;
}

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "tayra._core",
    .m_doc = "The compiled part of tayra; use it through the package tayra.",
    .m_size = -1,
};

PyMODINIT_FUNC PyInit__core(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module && !add_all(module)) {
        Py_DECREF(module);
        return NULL;
    }
    tay_set_log_callback(note_warning, NULL);
    return module;
}
