"""The web pages, as web/CMakeLists.txt embeds them. npm is not run by Bazel: tools/bazel/pages makes web/pages."""

load("//tools/bazel:embed.bzl", "filled_template")
load("//tools/bazel:wellhead.bzl", "wellhead_library")

_ABSENT = "web/pages was absent when this was built"
_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

def _stand_in(name, source, header, macro, visibility):
    # Quoted for the shell as whose words Bazel reads this, and for C++.
    wellhead_library(
        name = name,
        srcs = [source],
        hdrs = [header],
        local_defines = ['%s="\\"%s\\""' % (macro, _ABSENT)],
        visibility = visibility,
    )

def docs_assets(name, pages, visibility):
    """Swagger UI, or a stand-in that says that it is one.

    Args:
      name: of the library
      pages: the files below web/pages
      visibility: of the library
    """
    if not pages:
        # buildifier: disable=print
        print("web: building with stand-ins for the dashboard and Swagger UI; tools/bazel/pages makes the real ones")
        _stand_in(name, "docs_assets_missing.cc", "docs_assets.h", "WELLHEAD_DOCS_MISSING", visibility)
        return
    wellhead_library(
        name = name,
        srcs = ["docs_assets.cc"],
        hdrs = ["docs_assets.h"],
        embed = {
            "wellhead_docs_css": "pages/docs/swagger-ui.css.gz",
            "wellhead_docs_bundle": "pages/docs/swagger-ui-bundle.js.gz",
            "wellhead_docs_icon": "pages/docs/favicon-32x32.png.gz",
            "wellhead_docs_license": "pages/docs/LICENSES.gz",
        },
        visibility = visibility,
    )

def dashboard(name, pages, visibility):
    """The dashboard, or a stand-in that says that it is one.

    Args:
      name: of the library
      pages: the files below web/pages
      visibility: of the library
    """
    if not pages:
        _stand_in(name, "dashboard_missing.cc", "dashboard.h", "WELLHEAD_DASHBOARD_MISSING", visibility)
        return
    embed = {}
    declarations = ""
    entries = ""
    for page in pages:
        if not page.startswith("pages/dashboard/"):
            continue
        file = page[len("pages/dashboard/"):-len(".gz")]
        symbol = "wellhead_dashboard_" + "".join([letter if letter.isalnum() else "_" for letter in file.elems()])
        embed[symbol] = page
        declarations += "extern const char %s[];\nextern const char %s_end[];\n" % (symbol, symbol)
        entries += "      {\"%s\", \"%s\", {%s, %s_end}},\n" % (file, _TYPES[file.split(".")[-1]], symbol, symbol)
    filled_template(
        name = "dashboard_list",
        source = "dashboard.cc",
        template = "dashboard.cc.in",
        values = {
            "declarations": declarations,
            "entries": entries,
        },
    )
    wellhead_library(
        name = name,
        srcs = [":dashboard_list"],
        hdrs = ["dashboard.h"],
        embed = embed,
        visibility = visibility,
    )
