// Line icons, 20 by 20, drawn in the text colour.
import type { ComponentChildren } from "preact";

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      {children}
    </svg>
  );
}

export const MenuIcon = () => <Icon><path d="M3.5 6h13M3.5 10h13M3.5 14h9" /></Icon>;
export const PlusIcon = () => <Icon><path d="M10 4v12M4 10h12" /></Icon>;
export const SendIcon = () => <Icon><path d="M10 16V4.5M5 9.2 10 4.3l5 4.9" /></Icon>;
export const StopIcon = () => <Icon><rect x="5.5" y="5.5" width="9" height="9" rx="1.6" fill="currentColor" /></Icon>;
export const TrashIcon = () => <Icon><path d="M4 6h12M8 6V4h4v2M6 6l.7 10h6.6L14 6" /></Icon>;
export const CopyIcon = () => <Icon><rect x="7" y="7" width="9" height="9" rx="2" /><path d="M13 7V5.5A1.5 1.5 0 0 0 11.5 4h-6A1.5 1.5 0 0 0 4 5.5v6A1.5 1.5 0 0 0 5.500 13H7" /></Icon>;
export const AgainIcon = () => <Icon><path d="M15.500 8A6 6 0 1 0 16 11M16 4v4h-4" /></Icon>;
export const AnchorIcon = () => <Icon><circle cx="10" cy="4.200" r="1.7" /><path d="M10 6v10.500M6.500 8.500h7M4 11.500c0 3.200 2.600 5 6 5s6-1.800 6-5" /></Icon>;
export const EditIcon = () => <Icon><path d="M4 16l.8-3.4L13 4.4a1.4 1.4 0 0 1 2 0l.6.6a1.4 1.4 0 0 1 0 2L7.4 15.2 4 16z" /></Icon>;
export const LeftIcon = () => <Icon><path d="M12 5l-5 5 5 5" /></Icon>;
export const RightIcon = () => <Icon><path d="M8 5l5 5-5 5" /></Icon>;
export const PinIcon = () => <Icon><path d="M7 3.5h6M8 3.5v5l-2.5 3h9L12 8.5v-5M10 11.5v5" /></Icon>;
export const MoreIcon = () => <Icon><path d="M4.5 10h.01M10 10h.01M15.5 10h.01" stroke-width="2.6" /></Icon>;
