import { render } from "preact";
import { ChatPage } from "./pages/ChatPage";

render(<ChatPage />, document.getElementById("app")!);
