/*
 * The caches of machine code; the class llvm_state is in python/tayra/_llvm_state.py.
 */
#include "core.h"

static PyObject *set_limit(void (*set)(size_t bytes), PyObject *limit)
{
    size_t bytes = PyLong_AsSize_t(limit);
    if (PyErr_Occurred()) {
        return NULL;
    }
    set(bytes);
    Py_RETURN_NONE;
}

static PyObject *memory_size(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    return PyLong_FromSize_t(tay_memory_cache_size());
}

static PyObject *memory_limit(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    return PyLong_FromSize_t(tay_memory_cache_limit());
}

static PyObject *set_memory_limit(PyObject *Py_UNUSED(module), PyObject *limit)
{
    return set_limit(tay_memory_cache_set_limit, limit);
}

static PyObject *clear_memory(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    tay_memory_cache_clear();
    Py_RETURN_NONE;
}

static PyObject *disk_enabled(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    return PyBool_FromLong(tay_disk_cache_enabled());
}

static PyObject *set_disk_enabled(PyObject *Py_UNUSED(module), PyObject *flag)
{
    int enabled = PyObject_IsTrue(flag);
    if (enabled < 0) {
        return NULL;
    }
    tay_disk_cache_set_enabled(enabled);
    Py_RETURN_NONE;
}

static PyObject *disk_size(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    return PyLong_FromSize_t(tay_disk_cache_size());
}

static PyObject *disk_limit(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    return PyLong_FromSize_t(tay_disk_cache_limit());
}

static PyObject *set_disk_limit(PyObject *Py_UNUSED(module), PyObject *limit)
{
    return set_limit(tay_disk_cache_set_limit, limit);
}

static PyObject *clear_disk(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    tay_disk_cache_clear();
    Py_RETURN_NONE;
}

static PyObject *disk_path(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    char *path;
    tay_status status = tay_disk_cache_path(&path);
    if (status) {
        return core_raise(status);
    }
    PyObject *result = PyUnicode_DecodeFSDefault(path);
    tay_free(path);
    return result;
}

static PyObject *set_disk_path(PyObject *Py_UNUSED(module), PyObject *path)
{
    PyObject *bytes;
    if (!PyUnicode_FSConverter(path, &bytes)) { /* takes os.PathLike, too */
        return NULL;
    }
    tay_status status = tay_disk_cache_set_path(PyBytes_AsString(bytes));
    Py_DECREF(bytes);
    if (status) {
        return core_raise(status);
    }
    Py_RETURN_NONE;
}

PyMethodDef core_cache_methods[] = {
    {"get_memcache_size", memory_size, METH_NOARGS, NULL},
    {"get_memcache_limit", memory_limit, METH_NOARGS, NULL},
    {"set_memcache_limit", set_memory_limit, METH_O, NULL},
    {"clear_memcache", clear_memory, METH_NOARGS, NULL},
    {"get_diskcache_enabled", disk_enabled, METH_NOARGS, NULL},
    {"set_diskcache_enabled", set_disk_enabled, METH_O, NULL},
    {"get_diskcache_size", disk_size, METH_NOARGS, NULL},
    {"get_diskcache_limit", disk_limit, METH_NOARGS, NULL},
    {"set_diskcache_limit", set_disk_limit, METH_O, NULL},
    {"clear_diskcache", clear_disk, METH_NOARGS, NULL},
    {"get_diskcache_path", disk_path, METH_NOARGS, NULL},
    {"set_diskcache_path", set_disk_path, METH_O, NULL},
    {0},
};
