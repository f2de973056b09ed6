// Descriptions of elements, which `patch` makes real. Text is only ever set as text.

export type Handler = (event: Event) => void
export interface Props {
  /** Tells siblings of one list apart, so that an element follows its thing and keeps focus, caret, scroll and what is folded. */
  key?: string | number
  class?: string | false | null
  on?: Record<string, Handler>
  /** CSS variables and properties. */
  css?: Record<string, string>
  /** What the user types in; only written when it differs from what is there. */
  value?: string
  /** Something that lives as long as the element and its `id`: started anew when the id changes, stopped at the end. */
  life?: { id: string; start: (element: HTMLElement) => (() => void) | void }
  [attribute: string]: unknown
}
export interface VNode { tag: string; svg: boolean; props: Props; children: VNode[]; text: string; slot: string; node: Node | null; stop: (() => void) | null }
export type Child = VNode | string | number | null | undefined | false | Child[]

function make(tag: string, svg: boolean, props: Props, children: Child[]): VNode {
  return { tag, svg, props, children: flatten(children), text: "", slot: "", node: null, stop: null }
}

/** A child's slot is its key or its place, counting what is left out: what comes and goes does not disturb its siblings. */
function flatten(children: Child[], path = ""): VNode[] {
  const out: VNode[] = []
  for (const [at, child] of children.entries()) {
    if (Array.isArray(child)) out.push(...flatten(child, `${path}${at}.`))
    else if (typeof child === "string" || typeof child === "number") out.push(placed(words(String(child)), path, at))
    else if (child) out.push(placed(child, path, at))
  }
  return out
}

function placed(vnode: VNode, path: string, at: number): VNode {
  vnode.slot = `${vnode.tag} ${path}${vnode.props.key === undefined ? at : `key ${vnode.props.key}`}`
  return vnode
}

function words(text: string): VNode {
  return { ...make("#text", false, {}, []), text }
}

/** An HTML element: `h("b", { class: "cp-name" }, "gain")`. */
export function h(tag: string, props: Props = {}, ...children: Child[]): VNode {
  return make(tag, false, props, children)
}

/** An SVG element. */
export function s(tag: string, props: Props = {}, ...children: Child[]): VNode {
  return make(tag, true, props, children)
}

/** Class names, those that are false left out. */
export function classes(...names: (string | false | null | undefined)[]): string {
  return names.filter(Boolean).join(" ")
}
