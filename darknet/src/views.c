#include "views.h"

struct view {
    dn_memory *block; /* whose memory it is */
    void *there;      /* on the device */
    size_t bytes;
    dn_memory *here;  /* the copy; held by this list, and by those that look at it */
    bool writes;
    view *next;
};

static bool within(const void *part, size_t part_bytes, const void *whole, size_t bytes)
{
    const char *first = part, *from = whole;
    return first >= from && first + part_bytes <= from + bytes;
}

static view *find(const dn_network *net, const void *there, size_t bytes)
{
    view *v = net->views;
    while (v && !within(there, bytes, v->there, v->bytes))
        v = v->next;
    return v;
}

bool dn_is_seen_in_parts(const dn_network *net, const void *data, size_t bytes)
{
    for (const view *v = net->views; v; v = v->next)
        if (v->bytes < bytes && within(v->there, v->bytes, data, bytes)
            && dn_memory_is_shared(v->here))
            return true;
    return false;
}

static view *copy_of(dn_network *net, dn_memory *block, void *there, size_t bytes, dn_error *e)
{
    dn_views_send(net); /* what was written to a part of it */
    view *v = dn_allocate(sizeof *v);
    dn_memory *here = dn_memory_create(NULL, bytes);
    if (!v || !here) {
        dn_free(v);
        dn_memory_release(here);
        dn_out_of_memory(e, "a view of an array");
        return NULL;
    }
    *v = (view){dn_memory_hold(block), there, bytes, here, false, net->views};
    net->views = v;
    net->backend->memory->copy(dn_memory_data(here), there, bytes);
    if (dn_finish(net->backend, e) == DN_OK)
        return v;
    dn_views_release(net);
    return NULL;
}

dn_memory *dn_see(dn_network *net, dn_memory *block, void **data, size_t bytes, bool writes,
                  dn_error *e)
{
    if (!net->backend->memory)
        return block;
    view *v = find(net, *data, bytes);
    if (!v)
        v = copy_of(net, block, *data, bytes, e);
    if (!v)
        return NULL;
    v->writes |= writes;
    *data = (char *)dn_memory_data(v->here) + ((char *)*data - (char *)v->there);
    return v->here;
}

float *dn_see_values(dn_network *net, const param *p, bool writes, dn_error *e)
{
    void *values = p->value;
    return dn_see(net, net->params, &values, (size_t)p->count * sizeof(float), writes, e) ? values
                                                                                         : NULL;
}

/* The next view, after this one if it stays. */
static view **pass_by(view **at)
{
    view *v = *at;
    if (dn_memory_is_shared(v->here))
        return &v->next;
    *at = v->next;
    dn_memory_release(v->here);
    dn_memory_release(v->block);
    dn_free(v);
    return at;
}

void dn_views_send(dn_network *net)
{
    for (view **at = &net->views; *at; at = pass_by(at))
        if ((*at)->writes)
            net->backend->memory->copy((*at)->there, dn_memory_data((*at)->here), (*at)->bytes);
}

dn_status dn_views_fetch(dn_network *net, dn_error *e)
{
    const dn_status status = dn_finish(net->backend, e);
    for (view **at = &net->views; *at; at = pass_by(at))
        if (dn_memory_is_shared((*at)->here))
            net->backend->memory->copy(dn_memory_data((*at)->here), (*at)->there, (*at)->bytes);
    return status;
}

void dn_views_release(dn_network *net)
{
    while (net->views) {
        view *v = net->views;
        net->views = v->next;
        dn_memory_release(v->here);
        dn_memory_release(v->block);
        dn_free(v);
    }
}
