#include "web/docs_assets.h"

extern "C" {
extern const char wellhead_docs_css[];
extern const char wellhead_docs_css_end[];
extern const char wellhead_docs_bundle[];
extern const char wellhead_docs_bundle_end[];
extern const char wellhead_docs_icon[];
extern const char wellhead_docs_icon_end[];
extern const char wellhead_docs_license[];
extern const char wellhead_docs_license_end[];
}

namespace wellhead::web {

std::span<const DocsAsset> docs_assets() {
  static const DocsAsset assets[] = {
      {"swagger-ui.css", "text/css; charset=utf-8", {wellhead_docs_css, wellhead_docs_css_end}},
      {"swagger-ui-bundle.js", "text/javascript; charset=utf-8", {wellhead_docs_bundle, wellhead_docs_bundle_end}},
      {"favicon-32x32.png", "image/png", {wellhead_docs_icon, wellhead_docs_icon_end}},
      {"LICENSE", "text/plain; charset=utf-8", {wellhead_docs_license, wellhead_docs_license_end}},
  };
  return assets;
}

std::string_view docs_assets_missing() { return {}; }

}  // namespace wellhead::web
