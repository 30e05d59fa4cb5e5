// Search when the pages are opened from the file system, where a browser allows neither workers nor requests: the index is a script then.
if (window.location.protocol === "file:") {
  const folder = typeof base_url === "undefined" ? "." : base_url;
  const load = (path, then) => {
    const script = document.createElement("script");
    script.src = folder + "/search/" + path;
    script.onload = then;
    document.head.appendChild(script);
  };
  window.Worker = class {
    constructor() {
      load("lunr.js", () => load("search_index.js", () => this.start(window.searchIndex)));
    }
    start(data) {
      const documents = new Map(data.docs.map((doc) => [doc.location, doc]));
      if (data.config.separator) lunr.tokenizer.separator = new RegExp(data.config.separator);
      const index = lunr(function () {
        this.field("title");
        this.field("text");
        this.ref("location");
        data.docs.forEach((doc) => this.add(doc));
      });
      this.find = (query) => index.search(query).map((hit) => ({ ...documents.get(hit.ref), summary: documents.get(hit.ref).text.slice(0, 200) }));
      this.onmessage({ data: { config: data.config } });
      this.onmessage({ data: { allowSearch: true } });
    }
    postMessage(message) {
      if (message.query) this.onmessage({ data: { results: this.find(message.query) } });
    }
  };
}
