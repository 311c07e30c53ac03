"""Sources that are written while building: bytes of files as symbols, and the list of migrations."""

_ASSEMBLY = """asm(R"(
.section .rodata
.global {symbol}
.global {symbol}_end
.balign 64
{symbol}:
.incbin "{path}"
{symbol}_end:
.byte 0
.text
)");
"""

def _embedded_source_impl(ctx):
    source = ctx.actions.declare_file(ctx.attr.symbol + ".cc")
    ctx.actions.write(source, _ASSEMBLY.format(symbol = ctx.attr.symbol, path = ctx.file.file.path))
    return [DefaultInfo(files = depset([source]))]

# SYMBOL.cc, which makes the file's bytes part of what it is compiled into. The file must be an input of that compilation too.
embedded_source = rule(
    implementation = _embedded_source_impl,
    attrs = {
        "file": attr.label(allow_single_file = True, mandatory = True),
        "symbol": attr.string(mandatory = True),
    },
)

def _written_source_impl(ctx):
    source = ctx.actions.declare_file(ctx.attr.source)
    ctx.actions.write(source, ctx.attr.content)
    return [DefaultInfo(files = depset([source]))]

written_source = rule(
    implementation = _written_source_impl,
    attrs = {
        "content": attr.string(mandatory = True),
        "source": attr.string(mandatory = True),
    },
)

def _filled_template_impl(ctx):
    source = ctx.actions.declare_file(ctx.attr.source)
    ctx.actions.expand_template(
        template = ctx.file.template,
        output = source,
        substitutions = {"@" + name + "@": text for name, text in ctx.attr.values.items()},
    )
    return [DefaultInfo(files = depset([source]))]

# What CMake's configure_file(... @ONLY) makes of a template.
filled_template = rule(
    implementation = _filled_template_impl,
    attrs = {
        "source": attr.string(mandatory = True),
        "template": attr.label(allow_single_file = True, mandatory = True),
        "values": attr.string_dict(mandatory = True),
    },
)
