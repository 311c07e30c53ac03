// Compiled in place of docs_assets.cc when Swagger UI could not be fetched.
#include "web/docs_assets.h"

namespace wellhead::web {

std::span<const DocsAsset> docs_assets() { return {}; }

std::string_view docs_assets_missing() { return WELLHEAD_DOCS_MISSING; }

}  // namespace wellhead::web
