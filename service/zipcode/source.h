// What talking to one FHIR server takes, kept between activities so that connections and parsers are reused.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "library/converter/converter.h"
#include "library/webclient/fhir/search.h"
#include "library/webclient/http.h"
#include "library/webclient/rate_limiter.h"
#include "service/resource/resource_table.h"

namespace wellhead::zipcode {

// One slot: used by one activity at a time.
struct Source {
  Source(webclient::HttpSettings settings, webclient::HttpShare* share, webclient::RateLimiter* limiter);

  std::string url;
  webclient::HttpClient http;
  webclient::FhirClient fhir;
  // Of a table with its parts; made once. The table is one of a catalog that outlives this.
  converter::Converter& converter(const resource::ResourceTable& table);

 private:
  std::map<const resource::ResourceTable*, converter::Converter> converters_;
};

// Makes the limiter of a source; called once a source.
using MakeLimiter = std::function<std::unique_ptr<webclient::RateLimiter>(const std::string& source_url)>;

// Hands out slots of any source. Thread-safe; outlives what it hands out.
class SourcePool {
 public:
  // settings: for the configured source; its credentials go to no other origin.
  SourcePool(webclient::HttpSettings settings, MakeLimiter make_limiter);

  class Slot {
   public:
    Slot(SourcePool& pool, std::unique_ptr<Source> source) : pool_(&pool), source_(std::move(source)) {}
    Slot(Slot&&) noexcept = default;
    ~Slot();
    Source& operator*() { return *source_; }
    Source* operator->() { return source_.get(); }

   private:
    SourcePool* pool_;
    std::unique_ptr<Source> source_;
  };
  Slot borrow(const std::string& source_url);

 private:
  struct Shared {
    std::unique_ptr<webclient::RateLimiter> limiter;
    std::vector<std::unique_ptr<Source>> idle;
  };
  void give_back(std::unique_ptr<Source> source);

  webclient::HttpSettings settings_;
  MakeLimiter make_limiter_;
  webclient::HttpShare share_;
  std::mutex mutex_;
  std::map<std::string, Shared> sources_;
};

}  // namespace wellhead::zipcode
