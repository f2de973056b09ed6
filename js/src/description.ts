// The carton's description. Python sanitised it; what could run is dropped here once more.
import { h, type VNode } from "./dom"

const NEVER = "script,style,iframe,object,embed,link,meta,base,form,svg,math,template"

export function description(html: string): VNode {
  return h("div", { class: "cp-prose", life: { id: html, start: (element) => void element.replaceChildren(harmless(html)) } })
}

function harmless(html: string): DocumentFragment {
  const template = document.createElement("template")
  template.innerHTML = html
  template.content.querySelectorAll(NEVER).forEach((element) => element.remove())
  template.content.querySelectorAll("*").forEach(disarm)
  return template.content
}

function disarm(element: Element): void {
  for (const { name, value } of [...element.attributes]) {
    const address = /^(href|src|xlink:href|action|formaction)$/i.test(name)
    if (/^on|^style$|^srcset$/i.test(name) || (address && !/^(https?:|mailto:|data:image\/|#)/i.test(value.trim()))) element.removeAttribute(name)
  }
  if (element.localName !== "a") return
  element.setAttribute("target", "_blank")
  element.setAttribute("rel", "noopener noreferrer")
}
