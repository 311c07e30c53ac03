#include "service/zipcode/source.h"

#include <utility>

namespace wellhead::zipcode {

Source::Source(webclient::HttpSettings settings, webclient::HttpShare* share, webclient::RateLimiter* limiter)
    : url(settings.source_url), http(settings, share, limiter), fhir(http, url) {}

converter::Converter& Source::converter(const resource::ResourceTable& table) {
  const auto found = converters_.find(&table);
  if (found != converters_.end()) return found->second;
  return converters_.emplace(&table, converter::Converter(table.views(), {.base_url = url})).first->second;
}

SourcePool::SourcePool(webclient::HttpSettings settings, MakeLimiter make_limiter)
    : settings_(std::move(settings)), make_limiter_(std::move(make_limiter)) {}

SourcePool::Slot::~Slot() {
  if (source_) pool_->give_back(std::move(source_));
}

SourcePool::Slot SourcePool::borrow(const std::string& source_url) {
  auto settings = settings_;
  webclient::RateLimiter* limiter = nullptr;
  {
    const std::lock_guard lock(mutex_);
    auto& shared = sources_[source_url];
    if (!shared.idle.empty()) {
      auto source = std::move(shared.idle.back());
      shared.idle.pop_back();
      return {*this, std::move(source)};
    }
    if (!shared.limiter) shared.limiter = make_limiter_(source_url);
    limiter = shared.limiter.get();
  }
  // Credentials and CA belong to the configured source.
  if (source_url != settings_.source_url) settings.credentials = {};
  settings.source_url = source_url;
  return {*this, std::make_unique<Source>(std::move(settings), &share_, limiter)};
}

void SourcePool::give_back(std::unique_ptr<Source> source) {
  source->fhir.set_stop({});
  const std::lock_guard lock(mutex_);
  sources_[source->url].idle.push_back(std::move(source));
}

}  // namespace wellhead::zipcode
