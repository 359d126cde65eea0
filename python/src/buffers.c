/*
 * Arrays to and from Python, by the buffer protocol: views of the library's memory that keep its owner alive, and
 * checked access to the arrays of the caller. numpy is not needed here; the Python side makes its arrays of the views.
 */
#include "core.h"

#define MAX_DIMENSIONS 3

typedef struct view {
    PyObject_HEAD
    PyObject *owner;
    void *data;
    int ndim;
    bool writable;
    Py_ssize_t shape[MAX_DIMENSIONS], strides[MAX_DIMENSIONS]; /* strides in bytes */
} view;

static PyTypeObject *view_type;
static double nothing; /* what a view of no elements points to */

PyObject *core_view_new(PyObject *owner, const double *data, int ndim, const Py_ssize_t *shape,
                        const Py_ssize_t *strides, bool writable)
{
    view *self = PyObject_New(view, view_type);
    if (!self) {
        return NULL;
    }
    self->owner = Py_NewRef(owner);
    self->data = data ? (void *)data : &nothing;
    self->ndim = ndim;
    self->writable = writable;
    for (int i = 0; i < ndim; i++) {
        self->shape[i] = shape[i];
        self->strides[i] = strides[i] * (Py_ssize_t)sizeof(double);
    }
    return (PyObject *)self;
}

static void view_dealloc(PyObject *o)
{
    Py_DECREF(((view *)o)->owner);
    core_free_object(o);
}

static bool is_contiguous(const view *self)
{
    Py_ssize_t size = sizeof(double);
    for (int i = self->ndim - 1; i >= 0; i--) {
        if (self->shape[i] > 1 && self->strides[i] != size) {
            return false;
        }
        size *= self->shape[i];
    }
    return true;
}

static int view_getbuffer(PyObject *o, Py_buffer *out, int flags)
{
    view *self = (view *)o;
    if ((flags & PyBUF_WRITABLE) && !self->writable) {
        PyErr_SetString(PyExc_BufferError, "the array is read-only");
        return -1;
    }
    if (!(flags & PyBUF_STRIDES & ~PyBUF_ND) && !is_contiguous(self)) {
        PyErr_SetString(PyExc_BufferError, "the array is not contiguous");
        return -1;
    }
    Py_ssize_t n = 1;
    for (int i = 0; i < self->ndim; i++) {
        n *= self->shape[i];
    }
    *out = (Py_buffer){
        .buf = self->data,
        .obj = Py_NewRef(o),
        .len = n * (Py_ssize_t)sizeof(double),
        .itemsize = sizeof(double),
        .readonly = !self->writable,
        .ndim = self->ndim,
        .format = (flags & PyBUF_FORMAT) ? "d" : NULL,
        .shape = (flags & PyBUF_ND) ? self->shape : NULL,
        .strides = (flags & PyBUF_STRIDES & ~PyBUF_ND) ? self->strides : NULL,
    };
    return 0;
}

static PyType_Slot slots[] = {
    {Py_tp_doc, "Memory of the library as an array; numpy.asarray makes a numpy array of it, without a copy."},
    {Py_tp_dealloc, view_dealloc},
    {Py_bf_getbuffer, view_getbuffer},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "tayra._core.view",
    .basicsize = sizeof(view),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

bool core_add_view(PyObject *module)
{
    view_type = core_add_type(module, &spec);
    return view_type != NULL;
}

bool core_buffer_get(Py_buffer *out, PyObject *o, char format, Py_ssize_t n, bool writable, const char *what)
{
    int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(o, out, flags) < 0) {
        return false;
    }
    if (!out->format || out->format[0] != format || out->format[1]) {
        PyErr_Format(PyExc_TypeError, "%s: an array of format '%c' was expected, not '%s'", what, format,
                     out->format ? out->format : "B");
        PyBuffer_Release(out);
        return false;
    }
    if (n >= 0 && out->len / out->itemsize < n) {
        PyErr_Format(PyExc_ValueError, "%s: at least %zd elements were expected, not %zd", what, n,
                     out->len / out->itemsize);
        PyBuffer_Release(out);
        return false;
    }
    return true;
}
