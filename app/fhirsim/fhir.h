// The FHIR R4 interactions of the server: read, search, the next page, capabilities. It answers as HAPI does.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "app/fhirsim/faults.h"
#include "app/fhirsim/message.h"
#include "app/fhirsim/pages.h"
#include "app/fhirsim/search.h"
#include "app/fhirsim/store.h"

namespace wellhead::fhirsim {

enum class Totals : std::uint8_t { hapi, always, never };  // hapi: absent while more pages remain

class FhirInteractions {
 public:
  struct Options {
    std::size_t page_default = 20;
    std::size_t page_max = 1000;
    Totals totals = Totals::hapi;
    Pages::Options pages;
  };
  // store and faults are shared by reference and outlive this.
  FhirInteractions(Store& store, Faults& faults, Options options);

  // request.target begins with /fhir.
  void answer(const Request& request, FaultSubject& subject, Reply& reply);
  void forget_pages() { pages_.clear(); }
  std::size_t kept_pages() const { return pages_.size(); }

 private:
  struct Page {
    std::shared_ptr<SearchResult> result;
    std::size_t offset = 0;
    std::size_t count = 0;
    std::string base_url;
    std::string self;
  };

  void read(ResourceType type, std::string_view id, const Request& request, Reply& reply);
  void search(ResourceType type, const Request& request, std::string_view encoded, FaultSubject& subject, Reply& reply);
  void next_page(const Request& request, const Parameters& parameters, FaultSubject& subject, Reply& reply);
  void metadata(const Request& request, Reply& reply) const;
  void write_total_only(std::size_t total, const std::string& self, FaultSubject& subject, Reply& reply);
  void write_page(const Page& page, FaultSubject& subject, Reply& reply);
  void write_head(std::string_view id, Buffer& out) const;
  void write_total(std::size_t total, bool known, FaultSubject& subject, Buffer& out);
  void write_links(const Page& page, FaultSubject& subject, Buffer& out);
  void write_entries(const Page& page, FaultSubject& subject, Reply& reply);
  void shorten(const Search& search, std::vector<Ref>& refs, FaultSubject& subject);

  Store& store_;
  Faults& faults_;
  Options options_;
  Pages pages_;
};

}  // namespace wellhead::fhirsim
