/* Decodes JPEG through the libjpeg interface of libjpeg-turbo, which, unlike its TurboJPEG interface, can be stopped.
 *
 * - Every entry sets its own setjmp before it calls libjpeg; longjmp is called by error_exit, emit_message and the
 *   callbacks below, so it only ever crosses frames of C. The caller's `cancelled` returns before anything jumps.
 * - What libjpeg warns of is either harmless (every pixel is there; it is counted) or ends the decoding at once.
 * - Nothing is written but within the caller's target, whose length is compared with what will be written first. */

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

/* jpeg_inverse_dct below has the layout of these releases; `planes_are_those_of_turbojpeg` compares what comes of it. */
#if LIBJPEG_TURBO_VERSION_NUMBER < 3000000 || LIBJPEG_TURBO_VERSION_NUMBER >= 3002000
#error "compare struct jpeg_inverse_dct with src/jpegint.h of this release of libjpeg-turbo"
#endif

enum { OK = 0, DAMAGED = 1, CANCELLED = 2, TOO_LARGE = 3, MISMATCH = 4 };

/* A lost segment header, or a wrong length in one, leaves at most a segment of bytes that belong to nothing. */
#define MAX_STRAY_BYTES 65536

/* Segments that are skipped between two questions to the caller. */
#define SEGMENTS_PER_QUESTION 1024

/* As many rows as one row of MCUs has at most. */
#define MAX_ROWS 64

typedef int (*question)(void *context);

/* The beginning of libjpeg's private structure. */
struct jpeg_inverse_dct {
    void (*start_pass)(j_decompress_ptr);
    void (*inverse_DCT[MAX_COMPONENTS])(j_decompress_ptr, jpeg_component_info *, JCOEFPTR, JSAMPARRAY, JDIMENSION);
};

struct visage_jpeg {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    int status;
    char message[JMSG_LENGTH_MAX];
    uint32_t stray_bytes;
    int ended_early;
    int max_scans;
    unsigned skipped;
    question cancelled;
    void *context;
    JSAMPLE *spare;
    int writes;
    struct jpeg_compress_struct written;
    struct jpeg_destination_mgr destination;
};

struct visage_jpeg_header {
    uint32_t width, height;
    uint32_t components;
    uint32_t colours; /* J_COLOR_SPACE */
    uint32_t across[4], down[4];
};

struct visage_jpeg_request {
    uint32_t scale; /* 1, 2, 4 or 8 */
    uint32_t max_scans;
    question cancelled;
    void *context;
};

static struct visage_jpeg *of_common(j_common_ptr info) { return (struct visage_jpeg *)info->client_data; }

static struct visage_jpeg *of(j_decompress_ptr info) { return (struct visage_jpeg *)info->client_data; }

static void leave(struct visage_jpeg *self, int status) {
    self->status = status;
    longjmp(self->escape, 1);
}

static void leave_because(struct visage_jpeg *self, const char *message) {
    snprintf(self->message, sizeof self->message, "%s", message);
    leave(self, DAMAGED);
}

static void on_error(j_common_ptr info) {
    struct visage_jpeg *self = of_common(info);
    int code = info->err->msg_code;
    info->err->format_message(info, self->message);
    leave(self, code == JERR_OUT_OF_MEMORY || code == JERR_NO_BACKING_STORE ? TOO_LARGE : DAMAGED);
}

static void on_message(j_common_ptr info, int level) {
    struct visage_jpeg *self = of_common(info);
    if (level >= 0)
        return;
    info->err->num_warnings++;
    switch (info->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
        self->stray_bytes += (uint32_t)info->err->msg_parm.i[0];
        if (self->stray_bytes <= MAX_STRAY_BYTES)
            return;
        break;
    case JWRN_ADOBE_XFORM:    /* an unknown colour transform, for which the usual one is taken */
    case JWRN_JFIF_MAJOR:     /* a later version of JFIF */
    case JWRN_NOT_SEQUENTIAL: /* wrong numbers in a scan header that say nothing in a sequential file */
        return;
    default:
        break;
    }
    on_error(info);
}

static void ask(struct visage_jpeg *self) {
    if (self->cancelled != NULL && self->cancelled(self->context))
        leave(self, CANCELLED);
}

static void on_progress(j_common_ptr info) {
    struct visage_jpeg *self = of_common(info);
    if (self->info.input_scan_number > self->max_scans)
        leave_because(self, "it has too many scans");
    ask(self);
}

static void init_source(j_decompress_ptr info) { (void)info; }

static boolean fill_input_buffer(j_decompress_ptr info) {
    static const JOCTET end[] = { 0xFF, JPEG_EOI };
    of(info)->ended_early = 1;
    info->src->next_input_byte = end;
    info->src->bytes_in_buffer = sizeof end;
    return TRUE;
}

static void skip_input_data(j_decompress_ptr info, long count) {
    struct visage_jpeg *self = of(info);
    if (++self->skipped % SEGMENTS_PER_QUESTION == 0)
        ask(self);
    if (count <= 0)
        return;
    if ((size_t)count > info->src->bytes_in_buffer) {
        fill_input_buffer(info);
        return;
    }
    info->src->next_input_byte += count;
    info->src->bytes_in_buffer -= (size_t)count;
}

static void term_source(j_decompress_ptr info) { (void)info; }

void visage_jpeg_free(struct visage_jpeg *self) {
    if (setjmp(self->escape) == 0)
        jpeg_destroy_decompress(&self->info);
    if (setjmp(self->escape) == 0 && self->writes)
        jpeg_destroy_compress(&self->written);
    free(self->spare);
    free(self);
}

static int create(struct visage_jpeg *self) {
    if (setjmp(self->escape))
        return self->status;
    jpeg_create_decompress(&self->info);
    return OK;
}

/* NULL when there is no memory for it. `file` has to outlive what is returned. */
struct visage_jpeg *visage_jpeg_new(const uint8_t *file, size_t length, long max_bytes) {
    struct visage_jpeg *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->info.err = jpeg_std_error(&self->errors);
    self->errors.error_exit = on_error;
    self->errors.emit_message = on_message;
    self->info.client_data = self;
    if (create(self) != OK) {
        visage_jpeg_free(self);
        return NULL;
    }
    self->info.mem->max_memory_to_use = max_bytes;
    self->source.init_source = init_source;
    self->source.fill_input_buffer = fill_input_buffer;
    self->source.skip_input_data = skip_input_data;
    self->source.resync_to_restart = jpeg_resync_to_restart;
    self->source.term_source = term_source;
    self->source.next_input_byte = file;
    self->source.bytes_in_buffer = length;
    self->info.src = &self->source;
    self->progress.progress_monitor = on_progress;
    self->info.progress = &self->progress;
    return self;
}

/* Why the last call failed; ends in zero. */
const char *visage_jpeg_message(const struct visage_jpeg *self) { return self->message; }

uint32_t visage_jpeg_stray_bytes(const struct visage_jpeg *self) { return self->stray_bytes; }

int visage_jpeg_read_header(struct visage_jpeg *self, struct visage_jpeg_header *header) {
    if (setjmp(self->escape))
        return self->status;
    jpeg_read_header(&self->info, TRUE);
    const struct jpeg_decompress_struct *info = &self->info;
    if (info->num_components < 1 || info->num_components > 4)
        leave_because(self, "it has too many colour channels");
    header->width = info->image_width;
    header->height = info->image_height;
    header->components = (uint32_t)info->num_components;
    header->colours = (uint32_t)info->jpeg_color_space;
    for (int i = 0; i < info->num_components; i++) {
        header->across[i] = (uint32_t)info->comp_info[i].h_samp_factor;
        header->down[i] = (uint32_t)info->comp_info[i].v_samp_factor;
    }
    return OK;
}

static void begin(struct visage_jpeg *self, const struct visage_jpeg_request *request) {
    self->cancelled = request->cancelled;
    self->context = request->context;
    self->max_scans = (int)request->max_scans;
    self->info.scale_num = 1;
    self->info.scale_denom = request->scale;
    self->info.dct_method = JDCT_ISLOW;
    self->info.do_fancy_upsampling = TRUE;
    ask(self);
}

/* Called when all scans of a file of several have been read: refuses one that lacks the data of a channel, and one that has
 * no end and does not refine every coefficient to its last bit. */
static void check_scans(struct visage_jpeg *self) {
    const struct jpeg_decompress_struct *info = &self->info;
    for (int i = 0; i < info->num_components; i++) {
        if (info->comp_info[i].quant_table == NULL)
            leave_because(self, "the data of a colour channel is missing");
        if (!info->progressive_mode || info->coef_bits == NULL)
            continue;
        if (info->coef_bits[i][0] < 0)
            leave_because(self, "the data of a colour channel is missing");
        for (int k = 0; k < DCTSIZE2 && self->ended_early; k++) {
            if (info->coef_bits[i][k] != 0)
                leave_because(self, "its last scans are missing");
        }
    }
}

static void start(struct visage_jpeg *self) {
    jpeg_start_decompress(&self->info);
    if (jpeg_has_multiple_scans(&self->info))
        check_scans(self);
}

/* `target` holds `height` rows of `width` pixels with as many samples as `colours` (JCS_GRAYSCALE, JCS_RGB, JCS_CMYK) has. */
int visage_jpeg_decode_pixels(struct visage_jpeg *self, const struct visage_jpeg_request *request, uint32_t colours,
                              uint32_t width, uint32_t height, uint8_t *target, size_t length) {
    j_decompress_ptr info = &self->info;
    if (setjmp(self->escape))
        return self->status;
    begin(self, request);
    info->out_color_space = (J_COLOR_SPACE)colours;
    start(self);
    size_t row_bytes = (size_t)info->output_width * (size_t)info->output_components;
    if (info->output_width != width || info->output_height != height || (size_t)height * row_bytes != length)
        return MISMATCH;
    while (info->output_scanline < height) {
        JSAMPROW rows[MAX_ROWS];
        JDIMENSION count = 0;
        for (; count < MAX_ROWS && info->output_scanline + count < height; count++)
            rows[count] = target + (size_t)(info->output_scanline + count) * row_bytes;
        ask(self);
        jpeg_read_scanlines(info, rows, count);
    }
    jpeg_finish_decompress(info);
    return OK;
}

/* Decodes chroma at the scale of luma. libjpeg would rather use the transform to enlarge it: where chroma is halved in both
 * directions, it decodes it twice as large as asked. TurboJPEG undoes that in the same way. */
static void keep_chroma_small(j_decompress_ptr info) {
    for (int i = 1; i < info->num_components; i++) {
        jpeg_component_info *component = &info->comp_info[i];
        if (component->DCT_scaled_size == info->min_DCT_scaled_size)
            continue;
        component->DCT_scaled_size = info->min_DCT_scaled_size;
        component->MCU_sample_width = component->MCU_width * info->min_DCT_scaled_size;
        info->idct->inverse_DCT[i] = info->idct->inverse_DCT[0];
    }
}

/* Rows for whole blocks of each component, for those that do not fit into their plane. */
static void make_spare_rows(struct visage_jpeg *self, JSAMPROW rows[][MAX_ROWS], const uint32_t *stride) {
    const struct jpeg_decompress_struct *info = &self->info;
    size_t total = 0;
    for (int i = 0; i < info->num_components; i++)
        total += (size_t)stride[i] * (size_t)(info->comp_info[i].v_samp_factor * info->min_DCT_scaled_size);
    self->spare = calloc(total, 1);
    if (self->spare == NULL)
        leave(self, TOO_LARGE);
    JSAMPROW next = self->spare;
    for (int i = 0; i < info->num_components; i++) {
        for (int row = 0; row < info->comp_info[i].v_samp_factor * info->min_DCT_scaled_size; row++) {
            rows[i][row] = next;
            next += stride[i];
        }
    }
}

/* A plane of whole pairs may be a sample wider than its blocks are. */
static void put_row(uint8_t *to, uint32_t width, const JSAMPLE *from, uint32_t stride) {
    uint32_t shared = width < stride ? width : stride;
    memcpy(to, from, shared);
    memset(to + shared, from[stride - 1], width - shared);
}

/* Or a row higher. */
static void repeat_last_rows(j_decompress_ptr info, const uint32_t *widths, const uint32_t *heights, uint8_t *plane) {
    for (int i = 0; i < info->num_components; i++) {
        uint32_t decoded = info->comp_info[i].height_in_blocks * (uint32_t)info->min_DCT_scaled_size;
        for (uint32_t row = decoded; row > 0 && row < heights[i]; row++)
            memcpy(plane + (size_t)row * widths[i], plane + (size_t)(row - 1) * widths[i], widths[i]);
        plane += (size_t)widths[i] * heights[i];
    }
}

/* `target` holds one plane for each component, one after the other, of the given sizes. */
int visage_jpeg_decode_planes(struct visage_jpeg *self, const struct visage_jpeg_request *request, const uint32_t *widths,
                              const uint32_t *heights, uint8_t *target, size_t length) {
    j_decompress_ptr info = &self->info;
    JSAMPROW spare[MAX_COMPS_IN_SCAN][MAX_ROWS], direct[MAX_COMPS_IN_SCAN][MAX_ROWS];
    JSAMPARRAY bands[MAX_COMPS_IN_SCAN];
    uint32_t strides[MAX_COMPS_IN_SCAN];
    if (setjmp(self->escape))
        return self->status;
    begin(self, request);
    info->raw_data_out = TRUE;
    start(self);
    keep_chroma_small(info);
    size_t needed = 0;
    for (int i = 0; i < info->num_components; i++) {
        const jpeg_component_info *component = &info->comp_info[i];
        strides[i] = component->width_in_blocks * (uint32_t)info->min_DCT_scaled_size;
        needed += (size_t)widths[i] * heights[i];
        if (component->v_samp_factor * info->min_DCT_scaled_size > MAX_ROWS || widths[i] == 0 || strides[i] == 0)
            return MISMATCH;
    }
    if (needed != length)
        return MISMATCH;
    make_spare_rows(self, spare, strides);
    JDIMENSION rows = (JDIMENSION)(info->max_v_samp_factor * info->min_DCT_scaled_size);
    for (JDIMENSION band = 0; info->output_scanline < info->output_height; band++) {
        uint8_t *plane = target;
        for (int i = 0; i < info->num_components; i++) {
            uint32_t count = (uint32_t)(info->comp_info[i].v_samp_factor * info->min_DCT_scaled_size);
            int fits = strides[i] == widths[i] && (band + 1) * count <= heights[i];
            for (uint32_t row = 0; fits && row < count; row++)
                direct[i][row] = plane + (size_t)(band * count + row) * widths[i];
            bands[i] = fits ? direct[i] : spare[i];
            plane += (size_t)widths[i] * heights[i];
        }
        ask(self);
        jpeg_read_raw_data(info, bands, rows);
        plane = target;
        for (int i = 0; i < info->num_components; i++) {
            uint32_t count = (uint32_t)(info->comp_info[i].v_samp_factor * info->min_DCT_scaled_size);
            for (uint32_t row = 0; bands[i] == spare[i] && row < count && band * count + row < heights[i]; row++)
                put_row(plane + (size_t)(band * count + row) * widths[i], widths[i], spare[i][row], strides[i]);
            plane += (size_t)widths[i] * heights[i];
        }
    }
    repeat_last_rows(info, widths, heights, target);
    jpeg_finish_decompress(info);
    return OK;
}

static void init_destination(j_compress_ptr info) { (void)info; }

static boolean empty_output_buffer(j_compress_ptr info) {
    leave(of_common((j_common_ptr)info), TOO_LARGE);
    return FALSE;
}

static void term_destination(j_compress_ptr info) { (void)info; }

/* Writes the coefficients to a new file of at most `length` bytes; `written` is how long it is. */
int visage_jpeg_rewrite(struct visage_jpeg *self, const struct visage_jpeg_request *request, uint8_t *target, size_t length,
                        size_t *written) {
    j_compress_ptr out = &self->written;
    if (setjmp(self->escape))
        return self->status;
    begin(self, request);
    jvirt_barray_ptr *coefficients = jpeg_read_coefficients(&self->info);
    check_scans(self);
    out->err = &self->errors;
    out->client_data = self;
    self->writes = 1;
    jpeg_create_compress(out);
    out->mem->max_memory_to_use = self->info.mem->max_memory_to_use;
    out->progress = &self->progress;
    self->destination.init_destination = init_destination;
    self->destination.empty_output_buffer = empty_output_buffer;
    self->destination.term_destination = term_destination;
    self->destination.next_output_byte = target;
    self->destination.free_in_buffer = length;
    out->dest = &self->destination;
    jpeg_copy_critical_parameters(&self->info, out);
    out->optimize_coding = TRUE;
    if (self->info.progressive_mode)
        jpeg_simple_progression(out);
    jpeg_write_coefficients(out, coefficients);
    jpeg_finish_compress(out);
    *written = length - self->destination.free_in_buffer;
    jpeg_finish_decompress(&self->info);
    return OK;
}
